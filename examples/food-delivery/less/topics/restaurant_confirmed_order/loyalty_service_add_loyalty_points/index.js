const log = require('service_log')('LOYALTY');

exports.process = async (order) => {
  log(order, 'points added');
};
