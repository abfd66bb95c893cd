import { here, ready, startNode } from '../supervisor.mjs';

startNode('front', here('hello-fastify/app.mjs'));
await ready();
