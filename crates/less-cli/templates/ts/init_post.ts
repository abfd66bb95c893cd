import { topics, type Request, type Response } from '@chuva.io/less';

// POST /orders: answers at once; what takes longer is done by the subscribers of order_placed.
export const process = async (request: Request, response: Response): Promise<Response> => {
  let order;
  try {
    order = JSON.parse(request.body);
  } catch {
    response.statusCode = 400;
    response.body = { error: 'The body is not JSON.' };
    return response;
  }
  const { id } = await topics.order_placed.publish(order);
  response.statusCode = 202;
  response.body = { id };
  return response;
};
