// {{route}}
exports.process = async (request, response) => {
  // What stands in the path is in request.params, what follows the ? in request.query.
  response.body = { message: 'Hello, world.', params: request.params };
  return response;
};
