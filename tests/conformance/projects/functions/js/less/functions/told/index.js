exports.process = async (payload, context) => ({ ...context, payload });
