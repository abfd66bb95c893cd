import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

/** A worker whose subscriber `topics/t/s` has this body; each Call is answered by `answers[target]`. */
async function using(t, body, answers = {}) {
  const source = `const { kvs } = require('@chuva.io/less');\nexports.process = async (message) => {\n${body}\n};`;
  const answer = ({ target }) => answers[target] ?? { ok: 'null' };
  return serve(t, { 'less/topics/t/s/index.js': source }, { answer, limits: { key_bytes: 10, value_bytes: 100 } });
}

/** What one use of `kvs` sends, and what it gives. */
async function one(t, expression, ok = 'null') {
  const target = /kvs\.([a-zA-Z_]+)/.exec(expression)[1];
  const answers = { [target]: { ok }, get: { ok } };
  const server = await using(t, `console.log(JSON.stringify(await ${expression}) ?? 'undefined');`, answers);
  const { status, thrown } = await server.run('topics/t/s');
  assert.equal(status, 0, thrown?.stack);
  const [{ service, target: operation, options, payload }] = server.calls();
  assert.equal(service, 'kvs');
  return [operation, JSON.parse(options), payload, JSON.parse(server.logs(1)[0])];
}

const SENT = {
  'get gives the value': ["kvs.get('a')", '{"value":{"b":1},"version":3}', ['get', { key: 'a' }, '', { b: 1 }]],
  'get of nothing is null': ["kvs.get('a')", 'null', ['get', { key: 'a' }, '', null]],
  'get of a false value is that value': ["kvs.get('a')", '{"value":0,"version":3}', ['get', { key: 'a' }, '', 0]],
  'get_with_version gives both': [
    "kvs.get_with_version('a')",
    '{"value":null,"version":3}',
    ['get', { key: 'a' }, '', { value: null, version: 3 }],
  ],
  'getWithVersion is the same': ["kvs.getWithVersion('a')", 'null', ['get', { key: 'a' }, '', null]],
  'set sends the value and gives the version': [
    "kvs.set('a', { b: 'é' })",
    '{"version":4}',
    ['set', { key: 'a' }, '{"b":"é"}', { version: 4 }],
  ],
  'set takes seconds': ["kvs.set('a', 1, 0.5)", '{"version":4}', ['set', { key: 'a', ttl: 0.5 }, '1', { version: 4 }]],
  'set takes options': [
    "kvs.set('a', 1, { ttl: 60, if_version: 0 })",
    '{"version":4}',
    ['set', { key: 'a', ttl: 60, if_version: 0 }, '1', { version: 4 }],
  ],
  'set takes options in camel case, and leaves out what is undefined': [
    "kvs.set('a', 1, { ifVersion: 7, ttl: undefined })",
    '{"version":4}',
    ['set', { key: 'a', if_version: 7 }, '1', { version: 4 }],
  ],
  'delete tells whether there was something': ["kvs.delete('a')", 'true', ['delete', { key: 'a' }, '', true]],
  'increment adds 1': ["kvs.increment('a')", '5', ['increment', { key: 'a', by: 1 }, '', 5]],
  'increment adds any number': ["kvs.increment('a', -0.5)", '4.5', ['increment', { key: 'a', by: -0.5 }, '', 4.5]],
  'list gives all keys': ['kvs.list()', '["a","b"]', ['list', { key: '' }, '', ['a', 'b']]],
  'list takes a prefix, a place and a limit': [
    "kvs.list('u:', { after: 'u:7', limit: 10 })",
    '[]',
    ['list', { key: 'u:', after: 'u:7', limit: 10 }, '', []],
  ],
  'list begins after nothing': ["kvs.list('', { after: '' })", '[]', ['list', { key: '', after: '' }, '', []]],
  'a key may have any character': [`kvs.delete("it's é\\n")`, 'false', ['delete', { key: "it's é\n" }, '', false]],
};

for (const [name, [expression, ok, expected]] of Object.entries(SENT)) {
  test(name, async (t) => assert.deepEqual(await one(t, expression, ok), expected));
}

test('any JSON value can be set', async (t) => {
  const server = await using(t, "for (const value of [0, false, '', null, [], {}]) await kvs.set('a', value);", {
    set: { ok: '{"version":1}' },
  });
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(
    server.calls().map((call) => call.payload),
    ['0', 'false', '""', 'null', '[]', '{}'],
  );
});

const REFUSED = {
  'an empty key': [`kvs.get('')`, 'bad_key', 'kvs.get: a key must be a string that is not empty, not the string ""'],
  'a key that is no string': [
    'kvs.delete(7)',
    'bad_key',
    'kvs.delete: a key must be a string that is not empty, not 7',
  ],
  'no key': ['kvs.get()', 'bad_key', 'kvs.get: a key must be a string that is not empty, not undefined'],
  'a key that is too long': [
    `kvs.set('ééééé1', 1)`,
    'bad_key',
    'kvs.set: a key must be at most 10 bytes long; it has 11 bytes',
  ],
  'half a character': [
    `kvs.get('a\\ud800')`,
    'bad_key',
    String.raw`kvs.get: a key must be text, and "a\ud800" has half a surrogate pair`,
  ],
  'a prefix that is no string': [
    'kvs.list({ limit: 1 })',
    'bad_key',
    'kvs.list: a prefix must be a string, not an object',
  ],
  'undefined as a value': [
    `kvs.set('a')`,
    'value_not_json',
    'kvs.set: a value must be a value that JSON has, not undefined',
  ],
  'a cycle as a value': [
    `kvs.set('a', (() => { const a = {}; return (a.a = a); })())`,
    'value_not_json',
    /^kvs.set: the value cannot be written as JSON: Converting circular/,
  ],
  'a value that is too large': [
    `kvs.set('a', 'e'.repeat(99))`,
    'value_too_large',
    'kvs.set: the value has 101 bytes, the limit is 100 bytes; nothing was set',
  ],
  'a ttl of 0': [`kvs.set('a', 1, 0)`, 'bad_option', 'kvs.set: ttl must be a number of seconds, more than 0, not 0'],
  'a ttl without end': [
    `kvs.set('a', 1, { ttl: Infinity })`,
    'bad_option',
    'kvs.set: ttl must be a number of seconds, more than 0, not Infinity',
  ],
  'a ttl that is no number': [
    `kvs.set('a', 1, '60')`,
    'bad_option',
    'kvs.set: ttl must be a number of seconds, more than 0, not the string "60"',
  ],
  'half a version': [
    `kvs.set('a', 1, { if_version: 1.5 })`,
    'bad_option',
    'kvs.set: if_version must be a whole number, 0 or more, not 1.5',
  ],
  'an unknown option': [
    `kvs.set('a', 1, { tll: 60 })`,
    'bad_option',
    "kvs.set has no option 'tll'; did you mean 'ttl'? Its options: ttl, if_version",
  ],
  'an increment by no number': [
    `kvs.increment('a', NaN)`,
    'bad_option',
    'kvs.increment: by must be a finite number, not NaN',
  ],
  'a limit of 0': [
    `kvs.list('', { limit: 0 })`,
    'bad_option',
    'kvs.list: limit must be a whole number, 1 or more, not 0',
  ],
  'a place that is no string': [`kvs.list('', { after: 7 })`, 'bad_option', 'kvs.list: after must be a string, not 7'],
  'options that are no object': [
    `kvs.list('', [])`,
    'bad_option',
    'kvs.list: options must be an object of after, limit, not an array',
  ],
};

for (const [name, [expression, code, message]] of Object.entries(REFUSED)) {
  test(`${name} is refused before anything is sent`, async (t) => {
    const server = await using(t, `await ${expression}.catch((error) => { console.log(error.code); throw error; });`);
    const { thrown } = await server.run('topics/t/s');
    if (message instanceof RegExp) assert.match(thrown.message, message);
    else assert.equal(thrown.message, message);
    assert.deepEqual(server.logs(1), [code]);
    assert.deepEqual(server.calls(), []);
  });
}

test('a key and a value of exactly the limit are sent', async (t) => {
  const server = await using(t, "await kvs.set('ééééé', 'é'.repeat(49));");
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.equal(Buffer.byteLength(server.calls()[0].payload), 100);
});

test('what the server refuses is thrown with its code and the line that asked', async (t) => {
  const server = await using(t, "await kvs.set('a', 1, { if_version: 3 });", {
    set: { error: { code: 'version_conflict', message: 'the version of a is 4' } },
  });
  const { status, thrown } = await server.run('topics/t/s');
  assert.deepEqual([status, thrown.name], [1, 'CallError']);
  assert.deepEqual(thrown.stack.split('\n'), [
    'CallError: the version of a is 4',
    '    at async exports.process (less/topics/t/s/index.js:3:1)',
  ]);
});

test('a failed change that nobody awaits fails the invocation', async (t) => {
  const server = await using(t, "kvs.set('a', message);", { set: { error: { code: 'store_full', message: 'full' } } });
  assert.deepEqual((await server.run('topics/t/s', { message: 1 })).thrown.message, 'full');
  const refused = server.invocation('topics/t/s', { payload: '"' + 'e'.repeat(99) + '"' });
  server.send(refused);
  assert.match((await server.reply(refused.id)).thrown.message, /the value has 101 bytes/);
});

test('a misspelt method names the existing ones', async (t) => {
  const server = await using(t, "kvs.gett('a').catch(() => {});");
  const { status, thrown } = await server.run('topics/t/s');
  assert.equal(status, 1);
  assert.equal(
    thrown.message,
    "kvs has no method 'gett'; did you mean 'get'? Its methods: get, set, delete, increment, list, get_with_version",
  );
});

test('the methods can be taken apart from kvs and given to map', async (t) => {
  const server = await using(t, "const { get } = kvs; console.log((await Promise.all(['a', 'b'].map(get))).join());", {
    get: { ok: '{"value":7,"version":1}' },
  });
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(server.logs(1), ['7,7']);
});
