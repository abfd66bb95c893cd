import { topics } from '@chuva.io/less';
import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`restaurant confirmed order=${event.order}`);
  await topics.restaurant_confirmed_order.publish({ ...event, status: 'confirmed' });
  done(1, event.order);
};
