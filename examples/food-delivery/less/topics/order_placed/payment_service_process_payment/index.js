const { topics } = require('@chuva.io/less');
const log = require('service_log')('PAYMENT');

exports.process = async (order) => {
  log(order, 'payment accepted');
  await topics.payment_success.publish({ ...order, status: 'paid' });
};
