import type { Order } from 'orders';

/** `serviceLog('PAYMENT')(order, 'accepted')` prints `[PAYMENT SERVICE] <the order's id> accepted`. */
export const serviceLog = (service: string) => (order: Order, text: string) =>
  console.log(`[${service} SERVICE] ${order.id} ${text}`);
