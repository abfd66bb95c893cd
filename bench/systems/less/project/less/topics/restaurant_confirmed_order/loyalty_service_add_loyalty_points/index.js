const { done } = require('completion');

exports.process = async (event) => {
  console.log(`loyalty points added order=${event.order}`);
  done(4, event.order);
};
