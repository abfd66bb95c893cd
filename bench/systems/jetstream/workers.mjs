import { AckPolicy } from '@nats-io/jetstream';

import { subscribers } from '../../handlers.mjs';
import { js, manager, publish } from './streams.mjs';

const concurrency = Number(process.env.CONCURRENCY);
const BACKOFF_MS = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000];

for (const [topic, functions] of Object.entries(subscribers)) {
  for (const [name, handle] of Object.entries(functions)) await subscribe(topic, name, handle);
}

/** A durable pull consumer: up to CONCURRENCY events are handled at once, each acknowledged once it has been. */
async function subscribe(topic, name, handle) {
  await manager.consumers.add(topic, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: concurrency,
  });
  const consumer = await js.consumers.get(topic, name);
  await consumer.consume({
    max_messages: concurrency,
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
