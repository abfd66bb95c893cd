import { topics } from '@chuva.io/less';
import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('PAYMENT');

export const process = async (order: Order) => {
  log(order, 'reversal initiated');
  await topics.payment_reversed.publish({ ...order, status: 'reversed' });
};
