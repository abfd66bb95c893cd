exports.process = async (message) => {
  throw new TypeError(message);
};
