import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import fastify from 'fastify';

import { placeOrder, subscribers } from '../../handlers.mjs';

// Restate's SDK needs it, and Node.js has it from version 22 on.
Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const { PORT, SERVICES_PORT, INGRESS_PORT } = process.env;

// Restate has no topics: an event is a one-way call of each subscriber, a service of its own. An order is 8 invocations.
// The journal of each has its input, a one-way call for each subscriber of what it publishes, and its end; Restate takes
// them in order, so an invocation has not ended before its calls are stored.
const services = [];
const servicesOf = {};

/** What publishes within this context: a handler's own, or the ingress. */
const publishTo = (context) => async (topic, event) => {
  await Promise.all(servicesOf[topic].map((service) => context.serviceSendClient(service).process(event)));
};

for (const [topic, functions] of Object.entries(subscribers)) {
  servicesOf[topic] = Object.entries(functions).map(([name, handle]) => restate.service({
    name: `${topic}.${name}`,
    handlers: { process: (context, event) => handle(event, publishTo(context)) },
  }));
  services.push(...servicesOf[topic]);
}
await restate.serve({ services, port: Number(SERVICES_PORT) });

const place = publishTo(clients.connect({ url: `http://127.0.0.1:${INGRESS_PORT}` }));
const app = fastify();
app.get('/hello', async () => 'hello');
app.post('/orders', async (request, reply) => {
  reply.code(201);
  return placeOrder(request.body, place);
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
