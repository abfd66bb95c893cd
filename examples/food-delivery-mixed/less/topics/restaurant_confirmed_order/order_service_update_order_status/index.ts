import type { Order } from 'orders';
import service_log from 'service_log';

const log = service_log('ORDER');

export const process = async (order: Order) => {
  log(order, `status is now "${order.status}"`);
};
