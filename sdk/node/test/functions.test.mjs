import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

const SDK = "const { functions, NonRetriableError, CallError, FunctionError } = require('@chuva.io/less');\n";

/** A worker with the subscriber `topics/t/s`, whose process has this body, and functions of these names elsewhere. */
async function calling(t, body, options) {
  const source = `${SDK}exports.process = async (message) => {\n${body}\n};`;
  return serve(t, { 'less/topics/t/s/index.js': source }, { functions: ['charge-card', 'refund'], ...options });
}

/** A worker with the function `f`, whose process has this body. */
async function called(t, body, options) {
  return serve(
    t,
    { 'less/functions/f/index.js': `${SDK}exports.process = async (payload) => {\n${body}\n};` },
    options,
  );
}

const throwing = (error) => ({ answer: () => ({ error: { code: 'function_failed', ...error } }) });

test('a function gets its argument and its result is the reply', async (t) => {
  const server = await called(t, 'return { got: payload };');
  for (const payload of [{ note: 'café 🍕' }, [1, null], 'text', 0, false, null, '']) {
    assert.deepEqual(await server.result('functions/f', payload), { got: payload });
  }
});

test('any JSON value can be a result; nothing is null', async (t) => {
  const server = await called(t, 'return [undefined, null, 0, false, "", [], "é"][payload];');
  const results = [];
  for (let i = 0; i < 7; i++) results.push(await server.result('functions/f', i));
  assert.deepEqual(results, [null, null, 0, false, '', [], 'é']);
});

const NO_RESULT = {
  'a function': ['() => 1', 'functions/f: a result must be a value that JSON has, not a function'],
  'a BigInt': ['1n', 'functions/f: the result cannot be written as JSON: Do not know how to serialize a BigInt'],
  'a symbol': ['Symbol()', 'functions/f: a result must be a value that JSON has, not a symbol'],
};

for (const [name, [expression, message]] of Object.entries(NO_RESULT)) {
  test(`${name} as a result is an error of the function`, async (t) => {
    const server = await called(t, `return ${expression};`);
    const { status, thrown } = await server.run('functions/f');
    assert.deepEqual([status, thrown.message], [1, message]);
  });
}

test('a result of exactly the limit is sent, a larger one is not', async (t) => {
  const server = await called(t, 'return "e".repeat(payload);', { limits: { response_bytes: 1000 } });
  assert.equal((await server.result('functions/f', 998)).length, 998);
  const { status, thrown } = await server.run('functions/f', { payload: 999 });
  assert.equal(status, 3);
  assert.equal(
    thrown.message,
    'functions/f: the result has 1,001 bytes, the limit is 1,000 bytes; its caller gets an error',
  );
});

test('a function that throws says whether to try again', async (t) => {
  const server = await called(t, 'throw payload ? new NonRetriableError("never") : new TypeError("no card");');
  const { status, thrown } = await server.run('functions/f', { payload: false });
  assert.deepEqual([status, thrown.name, thrown.message], [1, 'TypeError', 'no card']);
  assert.equal((await server.run('functions/f', { payload: true })).status, 2);
});

test('a function that declares a context is given one', async (t) => {
  const server = await serve(t, {
    'less/functions/with/index.js': 'exports.process = (payload, context) => context;',
    'less/functions/without/index.js': 'exports.process = function (payload) { return arguments.length; };',
  });
  const { deadline, ...context } = await server.result('functions/with');
  assert.equal(typeof deadline, 'number');
  assert.deepEqual(context, {
    project: 'shop',
    handler: 'functions/with',
    invocation_id: '0190163d-8694-739b-aea5-966c26f8ad91',
    trace_id: '0190163d-8694-739b-aea5-966c26f8ad92',
    message_id: null,
    attempt: 1,
    published_at: null,
  });
  assert.equal(await server.result('functions/without'), 1);
});

test('a call sends the argument as JSON and gives the result', async (t) => {
  const server = await calling(
    t,
    "console.log(JSON.stringify(await functions['charge-card']({ card: '4…2' }))); console.log(await functions.charge_card());",
    { answer: ({ payload }) => ({ ok: payload }) },
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(
    server.calls().map(({ service, target, options, payload }) => [service, target, options, payload]),
    [
      ['function', 'charge-card', '', '{"card":"4…2"}'],
      ['function', 'charge-card', '', 'null'],
    ],
  );
  assert.deepEqual(server.logs(1), ['{"card":"4…2"}', 'null']);
});

test('functions can be awaited, listed and destructured', async (t) => {
  const server = await calling(
    t,
    "if ((await functions) !== functions) throw new Error('await'); const { refund } = functions; await refund(1); console.log(Object.keys(functions).join());",
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(server.logs(1), ['charge-card,refund']);
});

test('a misspelt function fails at once and names the nearest and the existing ones', async (t) => {
  const server = await calling(t, 'functions.charge_cart(1).catch(() => {});');
  const { status, thrown } = await server.run('topics/t/s');
  assert.equal(status, 1);
  assert.equal(
    thrown.message,
    "there is no function 'charge_cart'; did you mean 'charge-card'? The project's functions: charge-card, refund",
  );
  assert.match(thrown.stack, /index.js:3:/);
  assert.deepEqual(server.calls(), []);
});

test('in a project without functions a call says where they go', async (t) => {
  const server = await calling(t, 'functions.f(1);', { functions: [] });
  assert.equal(
    (await server.run('topics/t/s')).thrown.message,
    "there is no function 'f': the project has none; create the folder less/functions/f",
  );
});

const REFUSED = {
  'a function': [
    '() => 1',
    'argument_not_json',
    'functions.refund: an argument must be a value that JSON has, not a function',
  ],
  'a BigInt': [
    '{ a: 1n }',
    'argument_not_json',
    'functions.refund: the argument cannot be written as JSON: Do not know how to serialize a BigInt',
  ],
  'more than the limit': [
    "'e'.repeat(999)",
    'argument_too_large',
    'functions.refund: the argument has 1,001 bytes, the limit is 1,000 bytes; nothing was called',
  ],
};

for (const [name, [expression, code, message]] of Object.entries(REFUSED)) {
  test(`an argument of ${name} is refused before anything is sent`, async (t) => {
    const body = `try { await functions.refund(${expression}); } catch (error) { console.log(error.code); throw error; }`;
    const server = await calling(t, body, { limits: { response_bytes: 1000 } });
    assert.equal((await server.run('topics/t/s')).thrown.message, message);
    assert.deepEqual(server.logs(1), [code]);
    assert.deepEqual(server.calls(), []);
  });
}

test('what a function throws is thrown in its caller, with its name and the line that called', async (t) => {
  const server = await calling(
    t,
    `try { await functions.refund(1); } catch (error) {
       console.log(error instanceof FunctionError, error instanceof CallError, error.name, error.code, error.message);
       throw error;
     }`,
    throwing({ message: 'no such card', name: 'TypeError' }),
  );
  const { status, thrown } = await server.run('topics/t/s');
  assert.deepEqual(server.logs(1), ['true true TypeError function_failed no such card']);
  assert.deepEqual([status, thrown.name, thrown.message], [1, 'TypeError', 'no such card']);
  assert.deepEqual(thrown.stack.split('\n'), [
    'TypeError: no such card',
    '    at async exports.process (less/topics/t/s/index.js:3:7)',
  ]);
});

test('what it throws without a name is a FunctionError', async (t) => {
  const server = await calling(t, 'await functions.refund(1);', throwing({ message: 'no' }));
  const { thrown } = await server.run('topics/t/s');
  assert.deepEqual([thrown.name, thrown.message], ['FunctionError', 'no']);
});

test('a NonRetriableError of a function is one of its caller', async (t) => {
  const server = await calling(
    t,
    'await functions.refund(1).catch((error) => { console.log(error instanceof NonRetriableError, error.code); throw error; });',
    throwing({ message: 'never', name: 'NonRetriableError' }),
  );
  const { status, thrown } = await server.run('topics/t/s');
  assert.deepEqual([status, thrown.name, thrown.message], [2, 'NonRetriableError', 'never']);
  assert.deepEqual(server.logs(1), ['true function_failed']);
});

test('another refusal of the server is thrown with its code', async (t) => {
  const server = await calling(
    t,
    'await functions.refund(1).catch((error) => console.log(error.name, error.code, error.message));',
    { answer: () => ({ error: { code: 'busy', message: '32 calls deep' } }) },
  );
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(server.logs(1), ['CallError busy 32 calls deep']);
});

/** Handlers whose call fails; whether that fails the invocation, and so with which status. */
const FAILING = {
  'a failed call that nobody awaits fails the invocation': ['functions.refund(1);', 'TypeError', 1],
  'one that is not to be retried, too': ['functions.refund(1);', 'NonRetriableError', 2],
  'so does one that is refused before it is sent': ['functions.refund(() => 1);', 'TypeError', 1],
  'one that catch handles does not': ['functions.refund(1).catch(() => {});', 'NonRetriableError', 0],
  'one of two that are awaited in turn, caught, does not': [
    'const a = functions.refund(1), b = functions.refund(2); try { await a; } catch {} await new Promise(setImmediate); try { await b; } catch {}',
    'NonRetriableError',
    0,
  ],
};

for (const [name, [body, thrown, expected]] of Object.entries(FAILING)) {
  test(name, async (t) => {
    const server = await calling(t, body, throwing({ message: 'no', name: thrown }));
    assert.equal((await server.run('topics/t/s')).status, expected);
    await server.ping();
    assert.deepEqual(server.logs(), []);
  });
}

test('an invocation ends only when the functions it called have', async (t) => {
  const server = await calling(t, "functions.refund(1).then((result) => console.log('paid', result));", {
    answer: () => undefined,
  });
  const invocation = server.invocation('topics/t/s');
  server.send(invocation);
  const { call } = await server.frame('the call', (frame) => frame.type === 'call');
  await server.ping();
  assert.ok(!server.frames.some((frame) => frame.type === 'reply'));
  server.send({ type: 'answer', call, ok: '7' });
  assert.equal((await server.reply(invocation.id)).status, 0);
  assert.deepEqual(server.logs(1), ['paid 7']);
});
