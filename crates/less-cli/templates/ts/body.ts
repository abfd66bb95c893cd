import type { Request, Response } from '@chuva.io/less';

// {{route}}
export const process = async (request: Request, response: Response): Promise<Response> => {
  let data: unknown;
  try {
    data = JSON.parse(request.body);
  } catch {
    response.statusCode = 400;
    response.body = { error: 'The body is not JSON.' };
    return response;
  }
  // What takes longer is better done by the subscribers of a topic: await topics.<topic>.publish(data)
  response.statusCode = {{status}};
  response.body = data;
  return response;
};
