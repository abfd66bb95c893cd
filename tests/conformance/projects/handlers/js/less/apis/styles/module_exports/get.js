const process = async (request) => ({ body: request.greeting });
const greet = async (request, response, next) => {
  request.greeting = 'module.exports';
  return next();
};

module.exports = { process, middlewares: [greet] };
