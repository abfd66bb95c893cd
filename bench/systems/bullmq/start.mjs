// Express + BullMQ + Redis.

import path from 'node:path';

import { connects, here, ready, settings, start, startApp } from '../supervisor.mjs';

// Redis is told a path in the folder where it runs, as those of sockets may not be long.
const socket = 'redis.sock';
start('broker', here('../.peers/redis-server'), [
  '--port', '0', '--unixsocket', socket, '--dir', settings.state, '--save', '',
  '--appendonly', 'yes', '--appendfsync', settings.sync ? 'always' : 'everysec',
], { output: 'redis.log' });
await connects({ path: path.join(settings.state, socket) });
startApp('bullmq', { REDIS_SOCKET: socket }, { best: 1 }); // two are no faster: Redis and Node.js fill both cores
await ready();
