const { done } = require('completion');

exports.process = async (event) => {
  console.log(`customer told a courier is coming order=${event.order}`);
  done(7, event.order);
};
