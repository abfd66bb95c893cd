import type { Request, Response } from '@chuva.io/less';

// {{route}}
export const process = async (request: Request, response: Response): Promise<Response> => {
  // What stands in the path is in request.params. Deleting what is gone already should be no error.
  console.log('delete', request.params);
  response.statusCode = 204;
  return response;
};
