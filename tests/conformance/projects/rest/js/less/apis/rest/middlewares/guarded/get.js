const guard = async (request, response, next) => (request.query.key === 'x' ? next() : { statusCode: 401, body: 'who?' });
const silent = async (request, response, next) => {
  if (request.query.silent === undefined) return next();
  response.statusCode = 203;
  response.body = 'as it stands';
};

module.exports = { process: async () => ({ body: 'inside' }), middlewares: [guard, silent] };
