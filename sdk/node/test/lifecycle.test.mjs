// Begun or not, withdrawn, stopped: what the server may rely on when a worker is slow or goes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { now, serve } from '../testing/server.mjs';

const BUSY = 'const busy = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };\n';

const FILES = {
  'less/topics/t/quick/index.js': 'exports.process = async () => {};',
  'less/topics/t/busy/index.js': `${BUSY}exports.process = async (ms) => busy(ms);`,
  'less/topics/t/busy_later/index.js': `${BUSY}exports.process = async (ms) => { await null; busy(ms); };`,
  'less/topics/t/never/index.js':
    "exports.process = async () => { console.log('begun'); await new Promise(() => setInterval(() => {}, 1000)); };",
  'less/topics/t/waits/index.js':
    "const { topics } = require('@chuva.io/less'); exports.process = async () => { await topics.t.publish(1); console.log('goes on'); await topics.t.publish(2).catch((error) => console.log(error.code)); };",
};

test('the board shows an invocation that has begun, also while the event loop is blocked', async (t) => {
  const server = await serve(t, FILES);
  const quick = server.invocation('topics/t/quick', { slot: 5 });
  const busy = server.invocation('topics/t/busy', { slot: 300, message: 60_000 });
  const waiting = server.invocation('topics/t/quick', { slot: 7 });
  server.send(quick);
  await server.reply(quick.id);
  assert.equal(server.marked(5), quick.id);
  server.send(busy, waiting);
  while (server.marked(300) !== busy.id) await new Promise((done) => setImmediate(done));
  assert.equal(server.marked(7), 0);
});

test('what blocks after an await has nothing begun beside it that had not begun before', async (t) => {
  const server = await serve(t, FILES);
  const busy = server.invocation('topics/t/busy_later', { slot: 300, message: 60_000 });
  const waiting = Array.from({ length: 3 }, (_, i) => server.invocation('topics/t/quick', { slot: 7 + i }));
  server.send(busy, ...waiting);
  while (server.marked(300) !== busy.id) await new Promise((done) => setImmediate(done));
  for (const { slot } of waiting) assert.equal(server.marked(slot), 0);
});

test('handlers that wait, now and then, hold up nobody behind them', async (t) => {
  const server = await serve(t, {
    'less/topics/t/often/index.js':
      'exports.process = async (waits) => { if (waits) await new Promise((done) => setTimeout(done, 2)); };',
    'less/topics/t/calls/index.js':
      "const { topics } = require('@chuva.io/less'); exports.process = async (times) => { while (times-- > 0) await topics.t.publish(times); };",
    'less/topics/t/never/index.js': 'exports.process = () => new Promise(() => {});',
  });
  const many = Array.from({ length: 300 }, (_, i) => [
    server.invocation('topics/t/never'),
    server.invocation('topics/t/often', { message: i % 7 === 0 }),
    server.invocation('topics/t/calls', { message: i % 4 }),
  ]);
  server.send(...many.flat());
  for (const [, often, calls] of many) {
    assert.equal((await server.reply(often.id)).status, 0);
    assert.equal((await server.reply(calls.id)).status, 0);
  }
});

test('an invocation that waited too long is handed back and not run', async (t) => {
  const server = await serve(t, FILES);
  const stale = server.invocation('topics/t/never', { sent_at: now() - 600 });
  const fresh = server.invocation('topics/t/quick');
  server.send(stale, fresh);
  await server.frame('Returned', (frame) => frame.type === 'returned' && frame.id === stale.id);
  assert.equal((await server.reply(fresh.id)).status, 0);
  assert.deepEqual(server.logs(), []);
});

for (const handler of ['busy', 'busy_later']) {
  test(`pings are answered between invocations: ${handler}`, async (t) => {
    const server = await serve(t, FILES);
    const many = Array.from({ length: 100 }, () => server.invocation(`topics/t/${handler}`, { message: 10 }));
    server.send(...many);
    await server.reply(many[0].id);
    await server.ping();
    assert.ok(
      server.frames.filter((frame) => frame.type === 'reply').length < many.length,
      'the pong came before the end',
    );
    await server.reply(many.at(-1).id);
  });
}

test('what is withdrawn before it begins is dropped', async (t) => {
  const server = await serve(t, FILES);
  const busy = server.invocation('topics/t/busy', { message: 30 });
  const withdrawn = server.invocation('topics/t/never');
  const kept = server.invocation('topics/t/quick');
  server.send(busy, withdrawn, kept, { type: 'withdraw', id: withdrawn.id });
  await server.reply(kept.id);
  await server.ping();
  assert.deepEqual(server.logs(), []);
  assert.equal(server.marked(withdrawn.slot), 0);
  assert.ok(!server.frames.some((frame) => frame.id === withdrawn.id));
});

test('what is withdrawn after it began runs on unheard, and its calls are refused', async (t) => {
  const server = await serve(t, FILES, { answer: () => undefined });
  const waits = server.invocation('topics/t/waits');
  server.send(waits);
  const call = await server.frame('a call', (frame) => frame.type === 'call');
  server.send({ type: 'withdraw', id: waits.id }, { type: 'answer', call: call.call, ok: '{"id":"a"}' });
  await server.logged('[topics/t/waits, after its end] invocation_ended');
  await server.ping();
  assert.equal(server.calls().length, 1);
  assert.ok(!server.frames.some((frame) => frame.type === 'reply'));
});

test('Withdraw and Answer of what is unknown are ignored', async (t) => {
  const server = await serve(t, FILES);
  server.send({ type: 'withdraw', id: 99 }, { type: 'answer', call: 99, ok: '1' });
  assert.equal((await server.run('topics/t/quick')).status, 0);
});

test('Stop lets what runs finish, hands back the rest and exits with 0', async (t) => {
  const server = await serve(t, FILES, { answer: () => undefined });
  const waits = server.invocation('topics/t/waits');
  server.send(waits);
  const first = await server.frame('a call', (frame) => frame.type === 'call');
  const busy = server.invocation('topics/t/busy', { message: 30 });
  const late = server.invocation('topics/t/quick');
  server.send(busy, late, { type: 'stop' });
  const later = server.invocation('topics/t/quick');
  server.send(later, { type: 'answer', call: first.call, ok: '{"id":"a"}' });
  const second = await server.frame('a call', (frame) => frame.type === 'call' && frame.payload === '2');
  server.send({ type: 'answer', call: second.call, ok: '{"id":"b"}' });
  assert.equal((await server.reply(waits.id)).status, 0);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  await server.frame('Returned', (frame) => frame.type === 'returned' && frame.id === later.id);
  assert.deepEqual(server.logs(waits.id), ['goes on']);
});

test('timers that handlers left do not keep a stopped worker alive', async (t) => {
  const server = await serve(t, {
    'less/topics/t/s/index.js': 'exports.process = async () => { setInterval(() => {}, 1000); };',
  });
  await server.run('topics/t/s');
  server.send({ type: 'stop' });
  assert.equal((await server.exited).code, 0);
});

test('what was withdrawn does not keep a stopped worker alive', async (t) => {
  const server = await serve(t, FILES);
  const never = server.invocation('topics/t/never');
  server.send(never);
  await server.logged('begun');
  server.send({ type: 'withdraw', id: never.id }, { type: 'stop' });
  assert.equal((await server.exited).code, 0);
});

test('a worker whose server is gone exits', async (t) => {
  const server = await serve(t, FILES);
  server.send(server.invocation('topics/t/never'));
  await server.logged('begun');
  server.socket.destroy();
  assert.equal((await server.exited).code, 0);
});

test('a signal to the whole group cuts no handler short', async (t) => {
  const server = await serve(t, FILES);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) server.process.kill(signal);
  assert.equal((await server.run('topics/t/quick')).status, 0);
});

test('handlers and the programs they start inherit nothing of the connection', async (t) => {
  const server = await serve(t, {
    'less/topics/t/s/index.js': `exports.process = async () => {
      const fs = require('fs');
      require('child_process').spawnSync('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', fs.openSync('open-files', 'w'), 'ignore'] });
      const files = fs.readFileSync('open-files', 'utf8');
      console.log(Object.keys(process.env).some((name) => name.startsWith('LESS')), files.includes('open-files'), /socket:|board/.test(files));
    };`,
  });
  await server.run('topics/t/s');
  assert.deepEqual(server.logs(1), ['false true false']);
});

test('a worker that the server did not start says so', async (t) => {
  const { spawnSync } = await import('node:child_process');
  const { status, stderr } = spawnSync(process.execPath, [new URL('../worker.cjs', import.meta.url).pathname], {
    encoding: 'utf8',
    env: {},
  });
  assert.equal(status, 2);
  assert.match(stderr, /LESS_FD is missing: the server starts this program/);
});

test('thousands of invocations with calls in flight are all answered', async (t) => {
  const server = await serve(t, {
    'less/topics/t/s/index.js':
      "const { topics } = require('@chuva.io/less'); exports.process = async (n) => { await topics.t.publish({ n, pad: 'x'.repeat(n % 700) }); console.log(n); };",
  });
  const many = Array.from({ length: 5000 }, (_, n) => server.invocation('topics/t/s', { slot: n, message: n }));
  server.send(...many);
  for (const { id } of many) assert.equal((await server.reply(id)).status, 0);
  assert.equal(server.calls().length, many.length);
  assert.equal(server.logs().length, many.length);
});
