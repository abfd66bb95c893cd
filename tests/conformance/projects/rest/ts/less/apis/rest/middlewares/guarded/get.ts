import type { Middleware } from '@chuva.io/less';

const guard: Middleware = async (request, response, next) =>
  request.query.key === 'x' ? next() : { statusCode: 401, body: 'who?' };
const silent: Middleware = async (request, response, next) => {
  if (request.query.silent === undefined) return next();
  response.statusCode = 203;
  response.body = 'as it stands';
};

export const middlewares = [guard, silent];
export const process = async () => ({ body: 'inside' });
