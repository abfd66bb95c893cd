import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`loyalty points added order=${event.order}`);
  done(4, event.order);
};
