const { topics } = require('@chuva.io/less');
const log = require('service_log')('DELIVERY PARTNER');

exports.process = async (order) => {
  log(order, 'courier assigned');
  await topics.delivery_partner_assigned.publish({ ...order, status: 'on its way' });
};
