import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('LOYALTY');

export const process = async (order: Order) => {
  log(order, 'points added');
};
