exports.process = async () => {};
