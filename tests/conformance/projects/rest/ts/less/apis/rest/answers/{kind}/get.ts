// Every kind of response.
import type { Request, Response } from '@chuva.io/less';

type Answer = (response: Response) => Partial<Response> | { status_code: number } | void;

const answers: Record<string, Answer> = {
  untouched: (response) => response,
  nothing: (response) => {
    response.statusCode = 203;
    response.body = 'as it stands';
  },
  camel: (response) => ({ ...response, statusCode: 201 }),
  snake: () => ({ status_code: 202 }),
  string: () => ({ body: 'hé' }),
  number: () => ({ body: 12.5 }),
  object: () => ({ body: { a: [1, null] } }),
  array: () => ({ body: [1, 2] }),
  bytes: () => ({ body: Buffer.from([0, 255, 10]) }),
  cookies: (response) => {
    response.headers['Set-Cookie'] = ['a=1; Path=/', 'b=2, c'];
    return response;
  },
};

export const process = async (request: Request, response: Response) => answers[request.params.kind]!(response);
