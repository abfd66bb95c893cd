import { topics } from '@chuva.io/less';
import type { Order } from 'orders';
import { serviceLog } from 'service_log';

const log = serviceLog('RESTAURANT');

export const process = async (order: Order) => {
  if (order.fail) {
    log(order, 'order refused');
    await topics.restaurant_order_confirmation_failed.publish({ ...order, status: 'refused' });
  } else {
    log(order, 'order confirmed');
    await topics.restaurant_confirmed_order.publish({ ...order, status: 'confirmed' });
  }
};
