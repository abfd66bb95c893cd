// `process.length` is 0 here: nothing was declared.
exports.process = async (...given) => ({ body: given.length });
