exports.process = async (request, response) => {
  response.body = `Hello, ${request.query.name ?? 'world'}!`;
  return response;
};
