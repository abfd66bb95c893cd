import fastify from 'fastify';

import { placeOrder } from '../../handlers.mjs';
import { publish } from './streams.mjs';

const app = fastify();
app.get('/hello', async () => 'hello');
app.post('/orders', async (request, reply) => {
  reply.code(201);
  return placeOrder(request.body, publish);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
