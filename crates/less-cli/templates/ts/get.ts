import type { Request, Response } from '@chuva.io/less';

// {{route}}
export const process = async (request: Request, response: Response): Promise<Response> => {
  // What stands in the path is in request.params, what follows the ? in request.query.
  response.body = { message: 'Hello, world.', params: request.params };
  return response;
};
