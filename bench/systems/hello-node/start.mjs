import { here, ready, startNode } from '../supervisor.mjs';

startNode('front', here('hello-node/app.mjs'));
await ready();
