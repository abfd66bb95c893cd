import { topics } from '@chuva.io/less';
import type { OrderEvent } from 'orders';

interface Request {
  body: string;
}

export const process = async (request: Request): Promise<{ statusCode: number; body: { id: string } }> => {
  const { order, item, pad }: OrderEvent = JSON.parse(request.body);
  console.log(`order placed order=${order}`);
  await topics.order_placed.publish({ order, item, pad, status: 'placed' });
  return { statusCode: 201, body: { id: order } };
};
