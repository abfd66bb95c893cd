import { here, ready, startNode } from '../supervisor.mjs';

startNode('front', here('files-node/app.mjs'));
await ready();
