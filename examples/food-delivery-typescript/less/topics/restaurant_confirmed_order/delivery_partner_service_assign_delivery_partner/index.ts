import { topics } from '@chuva.io/less';
import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('DELIVERY PARTNER');

export const process = async (order: Order) => {
  log(order, 'courier assigned');
  await topics.delivery_partner_assigned.publish({ ...order, status: 'on its way' });
};
