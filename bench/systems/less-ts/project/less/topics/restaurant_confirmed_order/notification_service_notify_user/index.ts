import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`customer told the restaurant is cooking order=${event.order}`);
  done(3, event.order);
};
