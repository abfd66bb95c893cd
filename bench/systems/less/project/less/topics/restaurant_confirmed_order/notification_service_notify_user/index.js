const { done } = require('completion');

exports.process = async (event) => {
  console.log(`customer told the restaurant is cooking order=${event.order}`);
  done(3, event.order);
};
