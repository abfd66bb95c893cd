// A system that is none: it answers orders and reports their eight handlers at once. FAKE_LOSES names an order of which
// one handler never runs, FAKE_DUPLICATES one of which a handler runs twice, FAKE_STALLS one at which it stops for 300 ms.

import http from 'node:http';
import net from 'node:net';

const { PORT, COMPLETIONS, FAKE_LOSES, FAKE_DUPLICATES, FAKE_STALLS } = process.env;
const reports = net.connect(COMPLETIONS);

function stall() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
}

function handle(order) {
  const now = process.hrtime.bigint();
  for (let handler = 0; handler < 8; handler += 1) {
    if (order === FAKE_LOSES && handler === 3) continue;
    const line = `${order} ${handler} ${now}\n`;
    reports.write(order === FAKE_DUPLICATES && handler === 5 ? line + line : line);
  }
}

const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const bytes of request) body += bytes;
  if (request.url !== '/fake/orders') return response.writeHead(404).end();
  const { order } = JSON.parse(body);
  if (order === FAKE_STALLS) stall();
  const answer = JSON.stringify({ id: order });
  response.writeHead(201, { 'content-type': 'application/json' }).end(answer);
  handle(order);
});
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`pid front ${process.pid}`);
  console.log('base /fake');
  console.log('ready');
});
process.on('SIGTERM', () => process.exit(0));
