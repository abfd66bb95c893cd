import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

const LIMITS = { log_lines: 5, log_bytes: 40, log_line_bytes: 20 };

async function subscriber(t, body, limits) {
  return serve(t, { 'less/topics/t/s/index.js': `exports.process = async (message) => { ${body} };` }, { limits });
}

/** What one invocation prints: stream and text of each line. */
async function printed(t, body, limits) {
  const server = await subscriber(t, body, limits);
  const reply = await server.run('topics/t/s');
  assert.equal(reply.status, 0, JSON.stringify(reply));
  const lines = server.frames.filter((frame) => frame.type === 'log');
  assert.ok(lines.every((line) => line.id === 1 && Math.abs(line.time - Date.now()) < 600_000));
  assert.ok(server.frames.indexOf(reply) > server.frames.indexOf(lines.at(-1)), 'logs come before the reply');
  return lines.map(({ error, text }) => `${error ? 'err' : 'out'} ${text}`);
}

test('every way of printing is a line of the log, on its stream, in order', async (t) => {
  const body = `
    console.log('a %s b', 1, { c: [2] }); console.info('info'); console.debug('debug'); console.warn('warn'); console.error('error');
    console.log(); console.log('100%'); console.dir({ a: 1 }); console.assert(false, 'no'); console.count('n');
    process.stdout.write('raw\\n'); process.stderr.write(Buffer.from('bytes\\n')); new (require('console').Console)(process.stdout).log('own');`;
  assert.deepEqual(await printed(t, body), [
    'out a 1 b { c: [ 2 ] }',
    'out info',
    'out debug',
    'err warn',
    'err error',
    'out ',
    'out 100%',
    'out { a: 1 }',
    'err Assertion failed: no',
    'out n: 1',
    'out raw',
    'err bytes',
    'out own',
  ]);
});

test('tables and traces are printed whole', async (t) => {
  const lines = await printed(t, "console.table([{ a: 1 }]); console.trace('here');");
  assert.equal(lines.filter((line) => line.startsWith('out')).length, 5);
  assert.equal(
    lines.find((line) => line.startsWith('err')),
    'err Trace: here',
  );
});

test('text of several lines is several lines', async (t) => {
  assert.deepEqual(await printed(t, "console.log('a\\n\\nb\\r\\n');"), ['out a', 'out ', 'out b', 'out ']);
});

test('what is written piecewise is one line, and the last needs no end', async (t) => {
  const body =
    "process.stdout.write('a'); process.stderr.write('x'); process.stdout.write('b\\nc'); await null; process.stdout.write('d');";
  assert.deepEqual(await printed(t, body), ['out ab', 'out cd', 'err x']);
});

test('a callback of write is called', async (t) => {
  assert.deepEqual(
    await printed(
      t,
      "await new Promise((done) => process.stdout.write('a\\n', 'utf8', done)); await new Promise((done) => process.stdout.write('b\\n', done));",
    ),
    ['out a', 'out b'],
  );
});

test('lines belong to the invocation that printed them, also when several run at once', async (t) => {
  const body =
    'for (let i = 0; i < 20; i++) { console.log(message, i); await new Promise((done) => setTimeout(done, i % 3)); }';
  const server = await subscriber(t, body);
  const invocations = Array.from({ length: 10 }, (_, message) => server.invocation('topics/t/s', { message }));
  server.send(...invocations);
  for (const [message, { id }] of invocations.entries()) {
    await server.reply(id);
    assert.deepEqual(
      server.logs(id),
      Array.from({ length: 20 }, (_, i) => `${message} ${i}`),
    );
  }
});

test('a group indents its own invocation only, and ends with it', async (t) => {
  const server = await subscriber(
    t,
    "console.group('g'); console.log('a\\nb'); await null; console.group(); console.log('c'); if (message) console.groupEnd();",
  );
  server.send(server.invocation('topics/t/s', { message: 0 }), server.invocation('topics/t/s', { message: 1 }));
  await Promise.all([server.reply(1), server.reply(2)]);
  assert.deepEqual(server.logs(1), ['g', '  a', '  b', '    c']);
  assert.deepEqual(server.logs(2), server.logs(1));
});

const told = (what) =>
  `err [less] ${what} of this log were left out; the limits are 5 lines and 40 bytes an invocation, 20 bytes a line`;

test('lines beyond the limit are counted and told once', async (t) => {
  assert.deepEqual(await printed(t, 'for (let i = 0; i < 1000; i++) console.log(i);', LIMITS), [
    'out 0',
    'out 1',
    'out 2',
    'out 3',
    'out 4',
    told('995 lines'),
  ]);
});

test('bytes beyond the limit are counted as lines, without gaps', async (t) => {
  assert.deepEqual(
    await printed(t, "for (const s of ['a'.repeat(20), 'é'.repeat(10), 'b', 'c']) console.log(s);", LIMITS),
    [`out ${'a'.repeat(20)}`, `out ${'é'.repeat(10)}`, told('2 lines')],
  );
});

test('a long line is cut between characters', async (t) => {
  assert.deepEqual(await printed(t, "console.log('x' + 'é'.repeat(12));", LIMITS), [
    `out x${'é'.repeat(9)}`,
    told('6 bytes'),
  ]);
});

test('a line that never ends takes no memory', async (t) => {
  assert.deepEqual(await printed(t, "for (let i = 0; i < 100; i++) process.stdout.write('0123456789');", LIMITS), [
    'out 01234567890123456789',
    told('980 bytes'),
  ]);
});

test('what is printed after the end is marked and belongs to no invocation', async (t) => {
  const server = await subscriber(t, "console.log('in time'); setTimeout(() => console.log('late'), 10);");
  await server.run('topics/t/s');
  const line = await server.logged('late');
  assert.deepEqual([line.id, line.text], [0, '[topics/t/s, after its end] late']);
});

test('what is printed while loading belongs to no invocation', async (t) => {
  const server = await serve(t, { 'less/topics/t/s/index.js': "console.log('loading'); exports.process = () => {};" });
  assert.equal((await server.logged('loading')).id, 0);
});

test('what child processes print bypasses the worker', async (t) => {
  const server = await subscriber(t, "require('child_process').spawnSync('echo', ['hello'], { stdio: 'inherit' });");
  await server.run('topics/t/s');
  server.send({ type: 'stop' });
  await server.exited;
  assert.equal(server.output, 'hello\n');
});

test('what is printed while a result is made into JSON belongs to its invocation', async (t) => {
  const server = await serve(t, {
    'less/functions/f/index.js':
      "const { topics } = require('@chuva.io/less'); exports.process = async () => { topics.t.publish(1); return { toJSON() { console.log('made'); return 1; } }; };",
    'less/topics/t/s/index.js': 'exports.process = async () => {};',
  });
  const call = server.invocation('functions/f');
  server.send(call);
  assert.equal((await server.reply(call.id)).result, '1');
  assert.equal((await server.logged('made')).id, call.id);
});
