const log = require('service_log')('ORDER');

exports.process = async (order) => {
  log(order, `status is now "${order.status}"`);
};
