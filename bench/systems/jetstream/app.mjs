import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import fastify from 'fastify';

import { placeOrder, subscribers } from '../../handlers.mjs';

const { PORT, NATS_PORT, CONCURRENCY } = process.env;
const FOUR_DAYS_MS = 4 * 24 * 60 * 60 * 1000;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000];

const connection = await connect({ servers: `127.0.0.1:${NATS_PORT}` });
const manager = await jetstreamManager(connection);
const js = jetstream(connection);

/** Resolves with the server's acknowledgement: the event is stored. */
const publish = (topic, event) => js.publish(topic, JSON.stringify(event));

// A stream for each topic: they sync in parallel, which doubles what `sync_interval: always` reaches with one stream for
// all. Events stay until they are old, for deleting each once it is acknowledged (`interest`) costs another write.
for (const topic of Object.keys(subscribers)) {
  await manager.streams.add({
    name: topic,
    subjects: [topic],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_age: nanos(FOUR_DAYS_MS),
  });
}

for (const [topic, functions] of Object.entries(subscribers)) {
  for (const [name, handle] of Object.entries(functions)) await subscribe(topic, name, handle);
}

/** A durable pull consumer: up to CONCURRENCY events are handled at once, each acknowledged once it has been. */
async function subscribe(topic, name, handle) {
  await manager.consumers.add(topic, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: Number(CONCURRENCY),
  });
  const consumer = await js.consumers.get(topic, name);
  await consumer.consume({
    max_messages: Number(CONCURRENCY),
    callback: (message) => {
      handle(message.json(), publish).then(
        () => message.ack(),
        (error) => {
          console.error(error);
          message.nak(BACKOFF_MS[Math.min(message.info.deliveryCount, BACKOFF_MS.length) - 1]);
        },
      );
    },
  });
}

const app = fastify();
app.get('/hello', async () => 'hello');
app.post('/orders', async (request, reply) => {
  reply.code(201);
  return placeOrder(request.body, publish);
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
