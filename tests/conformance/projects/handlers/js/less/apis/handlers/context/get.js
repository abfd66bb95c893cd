exports.process = async (request, response, context) => ({ body: { ...context, now: Date.now() } });
