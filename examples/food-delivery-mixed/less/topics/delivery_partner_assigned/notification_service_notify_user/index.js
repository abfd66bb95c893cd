const log = require('service_log')('NOTIFICATION');

exports.process = async (order) => {
  log(order, 'told the customer: a courier is on the way');
};
