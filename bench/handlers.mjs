// The food-delivery workflow as plain functions, the same for every peer: what they print, what they publish, and that
// they await it. A peer calls each function once for each event of its topic, and brings `publish(topic, event)`, which
// resolves once the event is stored. `systems/less/project` is the same workflow as a project of Less.

import { done } from './completion.cjs';

/** What `POST /orders` does once its body is parsed; resolves with the body of its answer. */
export async function placeOrder({ order, item, pad }, publish) {
  console.log(`order placed order=${order}`);
  await publish('order_placed', { order, item, pad, status: 'placed' });
  return { id: order };
}

/** The subscribers: topic → name → function. */
export const subscribers = {
  order_placed: {
    async payment_service_process_payment(event, publish) {
      console.log(`payment processed order=${event.order}`);
      await publish('payment_success', { ...event, status: 'paid' });
      done(0, event.order);
    },
  },
  payment_success: {
    async restaurant_service_confirm_order(event, publish) {
      console.log(`restaurant confirmed order=${event.order}`);
      await publish('restaurant_confirmed_order', { ...event, status: 'confirmed' });
      done(1, event.order);
    },
  },
  restaurant_confirmed_order: {
    async order_service_update_order_status(event) {
      console.log(`order status is ${event.status} order=${event.order}`);
      done(2, event.order);
    },
    async notification_service_notify_user(event) {
      console.log(`customer told the restaurant is cooking order=${event.order}`);
      done(3, event.order);
    },
    async loyalty_service_add_loyalty_points(event) {
      console.log(`loyalty points added order=${event.order}`);
      done(4, event.order);
    },
    async delivery_partner_service_assign_delivery_partner(event, publish) {
      console.log(`delivery partner assigned order=${event.order}`);
      await publish('delivery_partner_assigned', { ...event, status: 'on its way' });
      done(5, event.order);
    },
  },
  delivery_partner_assigned: {
    async order_service_update_order_status(event) {
      console.log(`order status is ${event.status} order=${event.order}`);
      done(6, event.order);
    },
    async notification_service_notify_user(event) {
      console.log(`customer told a courier is coming order=${event.order}`);
      done(7, event.order);
    },
  },
};
