import { here, ready, startNode } from '../supervisor.mjs';

startNode('front', here('hello-express/app.mjs'));
await ready();
