// Each leaves its mark on both objects, in order.
const step = (name) => async (request, response, next) => {
  request.seen = [...(request.seen ?? []), name];
  response.headers[`x-${name}`] = 'yes';
  await next();
};

exports.middlewares = [step('one'), step('two')];

exports.process = async (request, response) => {
  response.body = request.seen;
  return response;
};
