// Restate, with a Fastify front.

import { answers, connects, freePort, here, ready, settings, start, startNode } from '../supervisor.mjs';

const [node, ingress, admin, services] = [await freePort(), await freePort(), await freePort(), await freePort()];
start('broker', here('node_modules/@restatedev/restate-server-linux-x64/bin/restate-server'), [
  '--no-logo', '--node-name', 'bench', '--base-dir', settings.state, '--listen-mode', 'tcp', '--bind-ip', '127.0.0.1',
  '--bind-port', node, '--default-num-partitions', settings.concurrency, '--log-filter', 'warn',
].map(String), {
  output: 'restate.log',
  env: {
    RESTATE_INGRESS__BIND_PORT: ingress,
    RESTATE_ADMIN__BIND_PORT: admin,
    RESTATE_DISABLE_TELEMETRY: 'true',
    // What has ended need not be kept, as nothing else here keeps it.
    RESTATE_DEFAULT_JOURNAL_RETENTION: '0s',
  },
});
startNode('front', here('restate/app.mjs'), {
  SERVICES_PORT: services,
  INGRESS_PORT: ingress,
  RESTATE_LOGGING: 'WARN', // or the SDK prints two lines more for each invocation
});
await connects({ port: services });
await answers(`http://127.0.0.1:${admin}/health`);
await answers(`http://127.0.0.1:${ingress}/restate/health`);
const registered = await fetch(`http://127.0.0.1:${admin}/deployments`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ uri: `http://127.0.0.1:${services}` }),
});
if (!registered.ok) throw new Error(`Restate does not take the services: ${await registered.text()}`);
await ready();
