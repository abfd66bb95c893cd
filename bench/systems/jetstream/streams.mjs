import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';

import { subscribers } from '../../handlers.mjs';

const FOUR_DAYS_MS = 4 * 24 * 60 * 60 * 1000;
const PUBLISH_MS = 30_000; // the client's 5 s are too short for large events on a slow disk

const connection = await connect({ servers: `127.0.0.1:${process.env.NATS_PORT}` });
export const manager = await jetstreamManager(connection);
export const js = jetstream(connection);

// A stream for each topic: they sync in parallel, which makes `sync_interval: always` 1.4 times as fast as one stream for
// all. Events stay until they are old, for deleting each once it is acknowledged (`interest`) costs another synced write.
for (const topic of Object.keys(subscribers)) {
  await manager.streams.add({
    name: topic,
    subjects: [topic],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_age: nanos(FOUR_DAYS_MS),
  });
}

/** Resolves with the server's acknowledgement: the event is stored. */
export const publish = (topic, event) => js.publish(topic, JSON.stringify(event), { timeout: PUBLISH_MS });
