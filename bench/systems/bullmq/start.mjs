// Express + BullMQ + Redis.

import { freePort, here, listens, ready, settings, start, startNode } from '../supervisor.mjs';

const redis = await freePort();
start('broker', here('../.peers/redis-server'), [
  '--port', redis, '--bind', '127.0.0.1', '--dir', settings.state, '--save', '',
  '--appendonly', 'yes', '--appendfsync', settings.sync ? 'always' : 'everysec',
].map(String), { output: 'redis.log' });
await listens(redis);
startNode('front', here('bullmq/app.mjs'), { REDIS_PORT: redis, CONCURRENCY: settings.concurrency });
await ready();
