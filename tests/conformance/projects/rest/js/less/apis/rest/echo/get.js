// Everything that a handler is told of a request.
exports.process = async (request, response) => {
  const { method, path, headers, query, query_all, params, body, is_base64 } = request;
  response.body = { method, path, headers, query, query_all, params, body, is_base64 };
};
