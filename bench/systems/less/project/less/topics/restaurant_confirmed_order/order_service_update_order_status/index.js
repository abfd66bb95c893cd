const { done } = require('completion');

exports.process = async (event) => {
  console.log(`order status is ${event.status} order=${event.order}`);
  done(2, event.order);
};
