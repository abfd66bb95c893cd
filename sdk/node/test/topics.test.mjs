import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

const SDK = "const { topics, sockets, functions, kvs, files, NonRetriableError } = require('@chuva.io/less');\n";
const wait = 'const later = () => new Promise((done) => setImmediate(() => setImmediate(done)));\n';

/** A worker with the subscriber `topics/t/s`, whose process has this body; other topics as named. */
async function subscriber(t, body, { topics = ['t', 'order_placed', 'payment-success'], ...options } = {}) {
  const source = `${SDK}${wait}exports.process = async (message) => { ${body} };`;
  return serve(t, { 'less/topics/t/s/index.js': source }, { topics, ...options });
}

const FULL = { answer: () => ({ error: { code: 'store_full', message: 'the store is full' } }) };

test('publish sends the message as JSON and gives the id', async (t) => {
  const server = await subscriber(
    t,
    "const { id } = await topics.order_placed.publish({ of: message, note: 'café' }); console.log(id);",
  );
  assert.equal((await server.run('topics/t/s', { message: { id: 7 } })).status, 0);
  const [call] = server.calls();
  assert.deepEqual(call, {
    type: 'call',
    call: 1,
    id: 1,
    service: 'publish',
    target: 'order_placed',
    options: '',
    payload: '{"of":{"id":7},"note":"café"}',
  });
  assert.deepEqual(server.logs(1), ['m1']);
});

test('any JSON value can be a message', async (t) => {
  const server = await subscriber(
    t,
    "for (const value of [null, 0, false, '', [], 'x\\ud800']) await topics.t.publish(value);",
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(
    server.calls().map((call) => call.payload),
    ['null', '0', 'false', '""', '[]', '"x\\ud800"'],
  );
});

test('a topic with a hyphen has two spellings', async (t) => {
  const server = await subscriber(
    t,
    "await topics['payment-success'].publish(1); await topics.payment_success.publish(2);",
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(
    server.calls().map((call) => call.target),
    ['payment-success', 'payment-success'],
  );
});

test('what every object has is no topic and no function', async (t) => {
  const server = await subscriber(
    t,
    `for (const name of message) {
       for (const call of [() => topics[name].publish(1), () => functions[name](1)])
         try { console.log(await call()); } catch (error) { console.log(error.code, error.message); }
     }`,
  );
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
  assert.equal((await server.run('topics/t/s', { message: names })).status, 0);
  assert.deepEqual(server.calls(), []);
  const told = server.logs(1);
  assert.equal(told.length, 2 * names.length);
  for (const [i, name] of names.entries()) {
    assert.match(told[2 * i], new RegExp(`^unknown_topic there is no topic '${name}'`));
    assert.match(told[2 * i + 1], new RegExp(`^unknown_function there is no function '${name}'`));
  }
});

test('a misspelt topic fails at once and names the nearest and the existing ones', async (t) => {
  const server = await subscriber(t, 'topics.order_placd.publish(1).catch(() => {});');
  const { status, thrown } = await server.run('topics/t/s');
  assert.equal(status, 1);
  assert.equal(
    thrown.message,
    "there is no topic 'order_placd'; did you mean 'order_placed'? The project's topics: t, order_placed, payment-success",
  );
  assert.match(thrown.stack, /index.js:3:/);
  assert.deepEqual(server.calls(), []);
});

test('a name like none of them is not guessed at', async (t) => {
  const server = await subscriber(t, 'topics.zzzzzzzzzzzz;');
  const { thrown } = await server.run('topics/t/s');
  assert.equal(
    thrown.message,
    "there is no topic 'zzzzzzzzzzzz'. The project's topics: t, order_placed, payment-success",
  );
});

test('topics can be awaited, inspected, listed and destructured', async (t) => {
  const server = await subscriber(
    t,
    `if ((await topics) !== topics) throw new Error('await');
     const { order_placed: { publish } } = topics;
     await publish(1);
     console.log(JSON.stringify([Object.keys(topics), JSON.stringify(topics), String(topics), require('util').inspect(topics).length > 0]));`,
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(JSON.parse(server.logs(1)[0]), [
    ['t', 'order_placed', 'payment-success'],
    '{"t":{},"order_placed":{},"payment-success":{}}',
    '[object Object]',
    true,
  ]);
});

const REFUSED = {
  undefined: [
    'undefined',
    'message_not_json',
    'topics.t.publish: a message must be a value that JSON has, not undefined',
  ],
  'a function': [
    '() => 1',
    'message_not_json',
    'topics.t.publish: a message must be a value that JSON has, not a function',
  ],
  'a BigInt': [
    '{ a: 1n }',
    'message_not_json',
    'topics.t.publish: the message cannot be written as JSON: Do not know how to serialize a BigInt',
  ],
  'a cycle': [
    '(() => { const a = {}; a.a = a; return a; })()',
    'message_not_json',
    /topics.t.publish: the message cannot be written as JSON: Converting circular structure/,
  ],
  'more than the limit': [
    "'é'.repeat(131072)",
    'message_too_large',
    'topics.t.publish: the message has 262,146 bytes, the limit is 262,144 bytes; nothing was published',
  ],
};

for (const [name, [expression, code, message]] of Object.entries(REFUSED)) {
  test(`publishing ${name} is refused before anything is sent`, async (t) => {
    const body = `try { await topics.t.publish(${expression}); } catch (error) { console.log(error.code); throw error; }`;
    const server = await subscriber(t, body);
    const { thrown } = await server.run('topics/t/s');
    assert.match(
      thrown.message,
      message instanceof RegExp ? message : new RegExp(`^${message.replace(/[.()]/g, '\\$&')}$`),
    );
    assert.deepEqual(server.logs(1), [code]);
    assert.deepEqual(server.calls(), []);
  });
}

test('a message of exactly the limit is sent', async (t) => {
  const server = await subscriber(t, "await topics.t.publish('e'.repeat(262142));");
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.equal(server.calls()[0].payload.length, 262144);
});

test('a call that the server refuses is thrown with its code', async (t) => {
  const server = await subscriber(
    t,
    'try { await topics.t.publish(1); } catch (error) { console.log(error.code, error.message); }',
    FULL,
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(server.logs(1), ['store_full the store is full']);
});

test('an invocation ends only when every call it started has finished', async (t) => {
  const server = await subscriber(
    t,
    "topics.t.publish(1).then(() => topics.t.publish(2)).then(() => console.log('both'));",
    { answer: () => undefined },
  );
  const invocation = server.invocation('topics/t/s');
  server.send(invocation);
  const isCall = (payload) => (frame) => frame.type === 'call' && frame.payload === payload;
  const first = await server.frame('the first call', isCall('1'));
  await server.ping();
  assert.ok(!server.frames.some((frame) => frame.type === 'reply'));
  server.send({ type: 'answer', call: first.call, ok: '{"id":"a"}' });
  const second = await server.frame('the second call', isCall('2'));
  await server.ping();
  assert.ok(!server.frames.some((frame) => frame.type === 'reply'));
  server.send({ type: 'answer', call: second.call, ok: '{"id":"b"}' });
  assert.equal((await server.reply(1)).status, 0);
  assert.deepEqual(server.logs(1), ['both']);
});

/** Handlers whose publish fails; whether that fails the invocation. */
const FAILING = {
  'a failed call that nobody awaits fails the invocation': ['topics.t.publish(1);', true],
  'so does one that is refused before it is sent': ['topics.t.publish(undefined);', true],
  'so does a chain that nobody awaits': ['topics.t.publish(1).then(() => {});', true],
  'so does one that fails while the handler goes on': [
    'topics.t.publish(1); await later(); await later(); await later();',
    true,
  ],
  'one of two that are awaited in turn, caught, does not': [
    'const a = topics.t.publish(1), b = topics.t.publish(2); try { await a; } catch {} await later(); try { await b; } catch {}',
    false,
  ],
  'one that is caught long after it failed does not': [
    'const a = topics.t.publish(1); await later(); await later(); await later(); try { await a; } catch {}',
    false,
  ],
  'one that catch handles does not': ['topics.t.publish(1).catch(() => {});', false],
  'Promise.allSettled handles its own': [
    'await Promise.allSettled([topics.t.publish(1), topics.t.publish(2)]);',
    false,
  ],
  'Promise.all, caught, handles all of its own': [
    'try { await Promise.all([topics.t.publish(1), topics.t.publish(2)]); } catch {}',
    false,
  ],
  'a call that nobody awaits beside one that is caught fails the invocation': [
    'topics.t.publish(1); try { await topics.t.publish(2); } catch {}',
    true,
  ],
};

for (const [name, [body, fails]] of Object.entries(FAILING)) {
  test(name, async (t) => {
    const server = await subscriber(t, body, FULL);
    const { status, thrown } = await server.run('topics/t/s');
    assert.equal(status, fails ? 1 : 0);
    if (fails) assert.equal(thrown.name, 'CallError');
    await server.ping();
    assert.deepEqual(server.logs(), []);
  });
}

test('a call made after the invocation ended is refused', async (t) => {
  const server = await subscriber(
    t,
    "setTimeout(() => topics.t.publish(1).catch((error) => console.log(error.code, '-', error.message)), 20);",
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  await server.logged('invocation_ended - topics.t.publish was called after its invocation ended');
  assert.deepEqual(server.calls(), []);
});

test('a call outside any invocation is refused', async (t) => {
  const source = `${SDK}topics.t.publish(1).catch((error) => console.log(error.code, '-', error.message)); exports.process = () => {};`;
  const server = await serve(t, { 'less/topics/t/s/index.js': source });
  const line = await server.logged('no_invocation - topics.t.publish was called outside any invocation');
  assert.equal(line.id, 0);
});

test('NonRetriableError is not to be retried, also from another copy of the SDK', async (t) => {
  const server = await subscriber(
    t,
    `class Mine extends NonRetriableError {}
     class Other extends Error { name = 'NonRetriableError'; }
     throw new { ours: NonRetriableError, mine: Mine, other: Other, plain: Error }[message]('no such card');`,
  );
  const status = async (message) => (await server.run('topics/t/s', { message })).status;
  assert.deepEqual(
    [await status('ours'), await status('mine'), await status('other'), await status('plain')],
    [2, 2, 2, 1],
  );
});

test('a subscriber that declares a context is given one', async (t) => {
  const server = await serve(t, {
    'less/topics/t/with/index.js': 'exports.process = (message, context) => console.log(JSON.stringify(context));',
    'less/topics/t/without/index.js': 'exports.process = function (message) { console.log(arguments.length); };',
  });
  await server.run('topics/t/with', { attempt: 3, deadline: 1700000900000 });
  assert.deepEqual(JSON.parse(server.logs(1)[0]), {
    project: 'shop',
    handler: 'topics/t/with',
    invocation_id: '0190163d-8694-739b-aea5-966c26f8ad91',
    trace_id: '0190163d-8694-739b-aea5-966c26f8ad92',
    message_id: '0190163d-8694-739b-aea5-966c26f8ad93',
    attempt: 3,
    published_at: 1700000000000,
    deadline: 1700000900000,
  });
  await server.run('topics/t/without');
  assert.deepEqual(server.logs(2), ['1']);
});
