// Everything that a handler is told of a request.
import type { Request, Response } from '@chuva.io/less';

export const process = async (request: Request, response: Response): Promise<void> => {
  const { method, path, headers, query, query_all, params, body, is_base64 } = request;
  response.body = { method, path, headers, query, query_all, params, body, is_base64 };
};
