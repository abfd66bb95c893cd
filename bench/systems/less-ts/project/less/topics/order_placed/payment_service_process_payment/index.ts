import { topics } from '@chuva.io/less';
import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`payment processed order=${event.order}`);
  await topics.payment_success.publish({ ...event, status: 'paid' });
  done(0, event.order);
};
