import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`order status is ${event.status} order=${event.order}`);
  done(2, event.order);
};
