import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`customer told a courier is coming order=${event.order}`);
  done(7, event.order);
};
