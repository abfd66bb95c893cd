const { topics } = require('@chuva.io/less');
const { done } = require('completion');

exports.process = async (event) => {
  console.log(`restaurant confirmed order=${event.order}`);
  await topics.restaurant_confirmed_order.publish({ ...event, status: 'confirmed' });
  done(1, event.order);
};
