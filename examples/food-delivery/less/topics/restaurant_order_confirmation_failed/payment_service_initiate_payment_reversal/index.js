const { topics } = require('@chuva.io/less');
const log = require('service_log')('PAYMENT');

exports.process = async (order) => {
  log(order, 'reversal initiated');
  await topics.payment_reversed.publish({ ...order, status: 'reversed' });
};
