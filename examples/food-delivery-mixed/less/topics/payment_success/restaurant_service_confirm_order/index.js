const { topics } = require('@chuva.io/less');
const log = require('service_log')('RESTAURANT');

exports.process = async (order) => {
  if (order.fail) {
    log(order, 'order refused');
    await topics.restaurant_order_confirmation_failed.publish({ ...order, status: 'refused' });
  } else {
    log(order, 'order confirmed');
    await topics.restaurant_confirmed_order.publish({ ...order, status: 'confirmed' });
  }
};
