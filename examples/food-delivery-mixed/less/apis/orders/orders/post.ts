import { topics, type Request, type Response } from '@chuva.io/less';
import { jsonBody } from 'json_body';
import type { Order } from 'orders';
import service_log from 'service_log';

const log = service_log('ORDER');

export const middlewares = [jsonBody];

export const process = async (request: Request, response: Response) => {
  const order: Order = { ...(request.body as object), id: crypto.randomUUID(), status: 'placed' };
  log(order, 'order placed');
  await topics.order_placed.publish(order);

  response.statusCode = 201;
  response.body = order;
  return response;
};
