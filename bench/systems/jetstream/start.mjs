// Fastify + NATS JetStream.

import fs from 'node:fs';
import path from 'node:path';

import { connects, freePort, here, ready, settings, start, startApp } from '../supervisor.mjs';

const nats = await freePort();
const config = path.join(settings.state, 'nats.conf');
// Unset, `sync_interval` is two minutes: what JetStream has acknowledged is in the page cache until then. `max_pending` is
// what a client may be behind by: with its 64 MB, CONCURRENCY events of 256 KB each for eight consumers cut the client off.
fs.writeFileSync(config, `
listen: "127.0.0.1:${nats}"
max_pending: 512MB
jetstream {
  store_dir: "${path.join(settings.state, 'jetstream')}"
  ${settings.sync ? 'sync_interval: always' : ''}
}
`);
start('broker', here('../.peers/nats-server'), ['-c', config], { output: 'nats.log' });
await connects({ port: nats });
// Without syncs one process of Node.js is what limits it; with them NATS is, and wants the second core.
startApp('jetstream', { NATS_PORT: nats }, { best: settings.sync ? 1 : 2 });
await ready();
