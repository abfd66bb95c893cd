import { topics } from '@chuva.io/less';
import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('PAYMENT');

export const process = async (order: Order) => {
  log(order, 'payment accepted');
  await topics.payment_success.publish({ ...order, status: 'paid' });
};
