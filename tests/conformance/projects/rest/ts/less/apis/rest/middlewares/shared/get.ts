// Each leaves its mark on both objects, in order.
import type { Middleware, Request, Response } from '@chuva.io/less';

type Seen = Request & { seen?: string[] };

const step =
  (name: string): Middleware =>
  async (request: Seen, response, next) => {
    request.seen = [...(request.seen ?? []), name];
    response.headers[`x-${name}`] = 'yes';
    await next();
  };

export const middlewares = [step('one'), step('two')];

export const process = async (request: Seen, response: Response) => {
  response.body = request.seen;
  return response;
};
