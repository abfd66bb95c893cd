import { topics } from '@chuva.io/less';
import { done } from 'completion';
import type { OrderEvent } from 'orders';

export const process = async (event: OrderEvent): Promise<void> => {
  console.log(`delivery partner assigned order=${event.order}`);
  await topics.delivery_partner_assigned.publish({ ...event, status: 'on its way' });
  done(5, event.order);
};
