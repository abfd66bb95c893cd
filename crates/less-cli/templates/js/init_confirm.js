// Gets every order at least once. When it throws, the order comes again, and the other subscriber does not notice.
exports.process = async (order) => {
  console.log('confirmed', order);
};
