/** `service_log('PAYMENT')(order, 'accepted')` prints `[PAYMENT SERVICE] <the order's id> accepted`. */
module.exports = (service) => (order, text) => console.log(`[${service} SERVICE] ${order.id} ${text}`);
