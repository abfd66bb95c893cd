import { here, ready, startNode } from '../supervisor.mjs';

startNode('server', here('broadcast-ws/app.mjs'));
await ready();
