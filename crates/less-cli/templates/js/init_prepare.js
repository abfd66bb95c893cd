// Has a copy of every order of its own.
exports.process = async (order) => {
  console.log('prepared', order);
};
