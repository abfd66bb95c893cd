import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('ORDER');

export const process = async (order: Order) => {
  log(order, `status is now "${order.status}"`);
};
