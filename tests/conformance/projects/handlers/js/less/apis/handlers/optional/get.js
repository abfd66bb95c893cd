// `process.length` is 2 here: what has a default is not declared.
exports.process = async (request, response, extra = 'the default') => ({ body: extra });
