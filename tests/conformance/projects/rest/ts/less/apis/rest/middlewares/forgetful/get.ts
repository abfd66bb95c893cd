// Nobody awaits what next() gives.
import type { Middleware, Request, Response } from '@chuva.io/less';
import { sleep } from 'notes';

const forgetful: Middleware = (request, response, next) => {
  void next();
};

export const middlewares = [forgetful, forgetful];

export const process = async (request: Request, response: Response) => {
  await sleep(100);
  response.statusCode = 201;
  response.body = 'late';
  return response;
};
