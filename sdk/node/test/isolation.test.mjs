import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

async function subscriber(t, body) {
  return serve(t, {
    'less/topics/t/s/index.js': `${body}`,
    'less/topics/t/well/index.js': 'exports.process = async () => { await null; };',
  });
}

const handler = (body) => `exports.process = async (message) => { ${body} };`;

test('what a handler throws is told with the lines of its author only', async (t) => {
  const server = await subscriber(
    t,
    `const inner = async () => { await null; throw new RangeError('too far', { cause: new Error('why') }); };\nexports.process = async () => {\n  await inner();\n};`,
  );
  const { status, thrown } = await server.run('topics/t/s');
  assert.equal(status, 1);
  assert.deepEqual([thrown.name, thrown.message], ['RangeError', 'too far']);
  assert.deepEqual(thrown.stack.split('\n'), [
    'RangeError: too far',
    '    at inner (less/topics/t/s/index.js:1:47)',
    '    at async exports.process (less/topics/t/s/index.js:3:3)',
    'caused by Error: why',
    '    at inner (less/topics/t/s/index.js:1:82)',
    '    at async exports.process (less/topics/t/s/index.js:3:3)',
  ]);
});

const THROWN = {
  "'boom'": 'boom',
  null: 'null',
  undefined: 'undefined',
  '{ code: 7 }': '{ code: 7 }',
  "new Proxy({}, { get() { throw new Error('no'); } })": /^(\{\}|something that cannot be described was thrown)$/,
  "Object.defineProperty(new Error('x'), 'message', { get() { throw 1; } })":
    'something that cannot be described was thrown',
};

test('anything can be thrown', async (t) => {
  const server = await subscriber(t, handler('throw [' + Object.keys(THROWN).join(',') + '][message];'));
  for (const [message, expected] of Object.values(THROWN).entries()) {
    const { status, thrown } = await server.run('topics/t/s', { message });
    assert.equal(status, 1);
    assert.match(thrown.message, expected instanceof RegExp ? expected : new RegExp(`^${expected}$`));
  }
});

const LOST = {
  'a timer that throws': "setTimeout(() => { throw new Error('lost'); }, 5); await new Promise(() => {});",
  'an event nobody hears':
    "const e = new (require('events'))(); setImmediate(() => e.emit('error', new Error('lost'))); await new Promise(() => {});",
  'a rejection nobody handles': "Promise.reject(new Error('lost')); await new Promise(() => {});",
  'a callback of the file system that throws':
    "require('fs').readFile('/none', () => { throw new Error('lost'); }); await new Promise(() => {});",
};

for (const [name, body] of Object.entries(LOST)) {
  test(`${name} fails its own invocation, and no other`, async (t) => {
    const server = await subscriber(t, handler(body));
    const well = Array.from({ length: 5 }, () => server.invocation('topics/t/well'));
    const bad = server.invocation('topics/t/s');
    server.send(...well, bad);
    assert.deepEqual((({ status, thrown }) => [status, thrown.message])(await server.reply(bad.id)), [1, 'lost']);
    for (const { id } of well) assert.equal((await server.reply(id)).status, 0);
    assert.equal((await server.run('topics/t/well')).status, 0);
  });
}

test('what goes wrong after the end of its invocation is logged and harms nobody', async (t) => {
  const server = await subscriber(t, handler("setTimeout(() => { throw new Error('too late'); }, 10);"));
  assert.equal((await server.run('topics/t/s')).status, 0);
  const line = await server.logged('too late');
  assert.equal(line.text, '[topics/t/s, after its end] [less] uncaught: Error: too late');
  assert.equal(line.error, true);
  assert.equal((await server.run('topics/t/well')).status, 0);
});

test('what goes wrong outside any invocation is logged and harms nobody', async (t) => {
  const server = await subscriber(
    t,
    `setImmediate(() => { throw new Error('loose'); }); Promise.reject('also'); ${handler('')}`,
  );
  assert.equal((await server.logged('uncaught: Error: loose')).id, 0);
  assert.equal((await server.logged('uncaught: Error: also')).id, 0);
  assert.equal((await server.run('topics/t/well')).status, 0);
});

test('a handler that failed from outside publishes nothing more, and its own end is not told', async (t) => {
  const server = await subscriber(
    t,
    `const { topics } = require('@chuva.io/less');
     exports.process = async () => {
       setImmediate(() => { throw new Error('lost'); });
       await new Promise((done) => setTimeout(done, 20));
       await topics.t.publish(1).catch((error) => console.log(error.code));
     };`,
  );
  assert.equal((await server.run('topics/t/s')).thrown.message, 'lost');
  await server.logged('invocation_ended');
  assert.equal(server.frames.filter((frame) => frame.type === 'reply').length, 1);
  assert.deepEqual(server.calls(), []);
});

test('process.exit ends the process with its code, after the lines printed before', async (t) => {
  const server = await subscriber(t, handler("console.log('last words'); process.exit(3);"));
  server.send(server.invocation('topics/t/s'));
  assert.equal((await server.exited).code, 3);
  await server.logged('last words');
});
