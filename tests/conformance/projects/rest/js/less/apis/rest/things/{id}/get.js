exports.process = async (request) => ({ body: { id: request.params.id } });
