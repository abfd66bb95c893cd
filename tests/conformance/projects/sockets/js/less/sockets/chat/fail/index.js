exports.process = async () => {
  throw new TypeError('a secret');
};
