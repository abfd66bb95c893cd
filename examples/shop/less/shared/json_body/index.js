/** A middleware: the handler after it finds an object in `request.body`; anything else is answered with 400. */
module.exports = async (request, response, next) => {
  request.body = parsed(request.body);
  if (request.body === undefined) {
    response.statusCode = 400;
    response.body = { error: 'the body must be a JSON object' };
    return response;
  }
  await next();
};

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
