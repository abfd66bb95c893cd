const { topics } = require('@chuva.io/less');
const { done } = require('completion');

exports.process = async (event) => {
  console.log(`payment processed order=${event.order}`);
  await topics.payment_success.publish({ ...event, status: 'paid' });
  done(0, event.order);
};
