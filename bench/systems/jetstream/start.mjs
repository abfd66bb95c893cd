// Fastify + NATS JetStream.

import fs from 'node:fs';
import path from 'node:path';

import { freePort, here, listens, ready, settings, start, startNode } from '../supervisor.mjs';

const nats = await freePort();
const config = path.join(settings.state, 'nats.conf');
// Unset, JetStream syncs every two minutes: what it has acknowledged is in the page cache until then.
fs.writeFileSync(config, `
listen: "127.0.0.1:${nats}"
jetstream {
  store_dir: "${path.join(settings.state, 'jetstream')}"
  ${settings.sync ? 'sync_interval: always' : ''}
}
`);
start('broker', here('../.peers/nats-server'), ['-c', config], { output: 'nats.log' });
await listens(nats);
startNode('front', here('jetstream/app.mjs'), { NATS_PORT: nats, CONCURRENCY: settings.concurrency });
await ready();
