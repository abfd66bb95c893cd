import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

/** A worker with one route a source text: `apis/r<n>/get`. */
async function routes(t, sources, options) {
  const files = Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [`less/apis/${name}/get.js`, source]),
  );
  return serve(t, files, options);
}

const returning = (expression) => `exports.process = async (request, response) => (${expression});`;

test('a request is read as its author expects', async (t) => {
  const server = await routes(t, {
    all: returning('{ body: request }'),
    headers: returning(
      "{ body: ['Accept', 'accept', 'ACCEPT', 'x-request-id', 'missing'].map((name) => request.headers[name] ?? null) }",
    ),
  });
  const head = {
    method: 'PUT',
    path: '/orders/7',
    headers: [
      ['Accept', '*/*'],
      ['X-Request-Id', 'a, b'],
    ],
    query: [
      ['a', '1'],
      ['b', ''],
      ['a', '2'],
      ['__proto__', 'x'],
    ],
    params: [['id', '7']],
  };
  const { body } = await server.request('apis/all/get', { ...head, body: 'café' });
  assert.deepEqual(
    JSON.parse(body),
    JSON.parse(`{
    "method": "PUT", "path": "/orders/7", "headers": { "Accept": "*/*", "X-Request-Id": "a, b" },
    "query": { "a": "2", "b": "", "__proto__": "x" }, "query_all": { "a": ["1", "2"], "b": [""], "__proto__": ["x"] },
    "params": { "id": "7" }, "body": "café", "is_base64": false }`),
  );
  const looked = await server.request('apis/headers/get', head);
  assert.deepEqual(JSON.parse(looked.body), ['*/*', '*/*', '*/*', 'a, b', null]);
});

test('a body that is no text reaches the handler in base64', async (t) => {
  const server = await routes(t, {
    a: returning("{ body: [request.is_base64, Buffer.from(request.body, 'base64').toString('hex')] }"),
  });
  const { body } = await server.request('apis/a/get', { is_base64: true, body: Buffer.from('ff00fe', 'hex') });
  assert.deepEqual(JSON.parse(body), [true, 'ff00fe']);
});

const TEXT = 'text/plain; charset=utf-8';
const BODIES = {
  string: ["{ body: 'café' }", 200, { 'content-type': TEXT }, 'café'],
  number: ['{ statusCode: 201, body: 12.5 }', 201, { 'content-type': TEXT }, '12.5'],
  zero: ['{ body: 0 }', 200, { 'content-type': TEXT }, '0'],
  object: ["{ body: { id: 'é' } }", 200, { 'content-type': 'application/json' }, '{"id":"é"}'],
  array: ['{ body: [1, null] }', 200, { 'content-type': 'application/json' }, '[1,null]'],
  boolean: ['{ body: false }', 200, { 'content-type': 'application/json' }, 'false'],
  date: ['{ body: new Date(0) }', 200, { 'content-type': TEXT }, '1970-01-01T00:00:00.000Z'],
  writesItself: [
    "{ body: { toJSON: () => ({ id: 1 }) } }",
    200,
    { 'content-type': 'application/json' },
    '{"id":1}',
  ],
  buffer: ["{ body: Buffer.from('PNG') }", 200, { 'content-type': 'application/octet-stream' }, 'PNG'],
  bytes: [
    "{ headers: { 'Content-Type': 'image/png' }, body: new Uint8Array([80, 78]) }",
    200,
    { 'Content-Type': 'image/png' },
    'PN',
  ],
  null: ['{ body: null }', 200, {}, ''],
  none: ['{ statusCode: 204 }', 204, {}, ''],
  noContent: ["{ statusCode: 204, body: 'dropped' }", 204, {}, ''],
  snake: ["{ status_code: 404, body: '' }", 404, {}, ''],
  text: ["{ statusCode: '418' }", 418, {}, ''],
  typed: [
    "{ headers: { 'CONTENT-TYPE': 'text/html' }, body: { a: 1 } }",
    200,
    { 'CONTENT-TYPE': 'text/html' },
    '{"a":1}',
  ],
  values: ["{ headers: { a: 1, b: true, c: undefined, d: null, e: '' } }", 200, { a: '1', b: 'true', e: '' }, ''],
  cases: ["{ headers: { 'X-A': 1, 'x-a': 2 } }", 200, { 'x-a': '2' }, ''],
  map: ["{ headers: new Headers([['x-a', '1']]) }", 200, { 'x-a': '1' }, ''],
  nothing: ['undefined', 200, {}, ''],
  shared: ["void Object.assign(response, { statusCode: 202, body: 'x' })", 202, { 'content-type': TEXT }, 'x'],
  sharedSnake: ['void (response.status_code = 404)', 404, {}, ''],
};

test('what a route returns becomes the response', async (t) => {
  const server = await routes(
    t,
    Object.fromEntries(Object.entries(BODIES).map(([name, [source]]) => [name, returning(source)])),
  );
  for (const [name, [, status, headers, body]] of Object.entries(BODIES)) {
    assert.deepEqual(await server.request(`apis/${name}/get`), { status, headers, body }, name);
  }
});

test('a header may have several values', async (t) => {
  const server = await routes(t, { a: returning("{ headers: { 'set-cookie': ['a=1', 'b=2'] } }") });
  assert.deepEqual((await server.run('apis/a/get')).response.headers, [
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ]);
});

const WRONG = {
  'an object that is no response': [
    '{ ok: true }',
    /process returned an object, which is no response: return \{ statusCode/,
  ],
  'a string': ["'done'", /process returned the string "done", which is no response/],
  'an array': ['[1]', /process returned an array, which is no response/],
  'a status below 200': ['{ statusCode: 101 }', /statusCode is 101; it must be a whole number from 200 to 599/],
  'a status that is no number': ["{ statusCode: 'fine' }", /statusCode is the string "fine"/],
  'half a status': ['{ statusCode: 200.5 }', /statusCode is 200.5/],
  'a line break in a header': [
    "{ headers: { location: '/a\\r\\nset-cookie: x' } }",
    /the header 'location' has a line break/,
  ],
  'a name that is no header': ["{ headers: { 'a b': 1 } }", /"a b" is no name of a header/],
  'an object as a header': ['{ headers: { a: {} } }', /the header 'a' is an object; it must be a string/],
  'headers that are a string': ["{ headers: 'a: b' }", /headers is the string "a: b"/],
  'headers without measure': ["{ headers: { a: 'x'.repeat(70000) } }", /headers take 70005 bytes; the limit is 65536/],
  'a function as body': ['{ body: () => {} }', /body is a function/],
  'a stream as body': ["{ body: require('fs').createReadStream('package.json') }", /body is a stream/],
  'a cycle as body': [
    '(() => { const a = {}; a.a = a; return { body: a }; })()',
    /body cannot be written as JSON: Converting circular structure/,
  ],
};

test('what is no response is the handler’s error and says what is wrong', async (t) => {
  const names = Object.keys(WRONG);
  const server = await routes(t, Object.fromEntries(names.map((name, i) => [`w${i}`, returning(WRONG[name][0])])));
  for (const [i, name] of names.entries()) {
    const { status, thrown } = await server.run(`apis/w${i}/get`);
    assert.equal(status, 1, name);
    assert.equal(thrown.name, 'TypeError');
    assert.match(thrown.message, WRONG[name][1]);
  }
});

test('a response larger than the limit is told with both sizes, and not sent', async (t) => {
  const server = await routes(
    t,
    { a: returning("{ body: 'é'.repeat(600) }"), b: returning("{ body: 'e'.repeat(1000) }") },
    { limits: { response_bytes: 1000 } },
  );
  const { status, thrown } = await server.run('apis/a/get');
  assert.equal(status, 3);
  assert.equal(thrown.message, 'the response of 1,200 bytes is larger than the limit of 1,000 bytes');
  assert.equal((await server.request('apis/b/get')).body.length, 1000);
});

test('a route that declares a context is given one', async (t) => {
  const server = await routes(t, {
    with: 'exports.process = async (request, response, context) => ({ body: context });',
    without: 'exports.process = async function (request, response) { return { body: arguments.length }; };',
  });
  const { deadline, ...context } = JSON.parse((await server.request('apis/with/get')).body);
  assert.equal(typeof deadline, 'number');
  assert.deepEqual(context, {
    project: 'shop',
    handler: 'apis/with/get',
    invocation_id: '0190163d-8694-739b-aea5-966c26f8ad91',
    trace_id: '0190163d-8694-739b-aea5-966c26f8ad92',
    message_id: null,
    attempt: 1,
    published_at: null,
  });
  assert.equal((await server.request('apis/without/get')).body, '2');
});

/** Middlewares, the rest of the module after them, and what comes out. */
const CHAINS = {
  'middlewares run in order, then the handler': [
    '(q, r, next) => { r.body += 1; next(); }, async (q, r, next) => { r.body += 2; await next(); r.body += 4; }',
    'r.body += 3;',
    { status: 200, body: '1234' },
  ],
  'next need not be awaited': [
    '(q, r, next) => { next(); }',
    'await null; await null; return { statusCode: 201 };',
    { status: 201, body: '' },
  ],
  'the result of next may be returned': [
    '(q, r, next) => next()',
    'return { statusCode: 202 };',
    { status: 202, body: '' },
  ],
  'next gives the response': [
    'async (q, r, next) => { const x = await next(); x.body += "!"; return x; }',
    'return { body: "hi" };',
    { status: 200, body: 'hi!' },
  ],
  'next gives the shared response when the handler returns none': [
    'async (q, r, next) => { const x = await next(); return { body: x === r ? "same" : "" }; }',
    '',
    { status: 200, body: 'same' },
  ],
  'a response without next ends the request': [
    '() => ({ statusCode: 401 })',
    'throw new Error("reached");',
    { status: 401, body: '' },
  ],
  'neither response nor next ends it with the response as it stands': [
    '(q, r) => { r.statusCode = 403; }',
    'throw new Error("reached");',
    { status: 403, body: '' },
  ],
  'a middleware’s own response replaces that of the rest': [
    'async (q, r, next) => { await next(); return { body: "mine" }; }',
    'return { body: "theirs" };',
    { status: 200, body: 'mine' },
  ],
  'a middleware may answer for an error it caught': [
    'async (q, r, next) => { try { await next(); } catch (e) { r.statusCode = 400; r.body = e.message; } }',
    'throw new Error("bad");',
    { status: 400, body: 'bad' },
  ],
  'also with catch': [
    '(q, r, next) => next().catch((e) => ({ body: e.message }))',
    'await null; throw new Error("bad");',
    { status: 200, body: 'bad' },
  ],
  'an error goes up to where it is caught': [
    'async (q, r, next) => { try { await next(); } catch (e) { return { body: e.message }; } }, (q, r, next) => { next(); }, async (q, r, next) => { await next(); }',
    'throw new Error("deep");',
    { status: 200, body: 'deep' },
  ],
  'an error nobody awaits fails the request': [
    '(q, r, next) => { next(); return { body: "fine" }; }',
    'await null; throw new Error("lost");',
    /lost/,
  ],
  'an error seen too late fails the request': [
    '(q, r, next) => { next().catch(() => {}); }',
    'await null; await null; await null; throw new Error("late");',
    /late/,
  ],
  'a middleware that throws fails the request': ['() => { throw new Error("mine"); }', '', /mine/],
  'next called twice is an error': [
    'async (q, r, next) => { await next(); await next(); }',
    '',
    /middleware 1 of 1 called next\(\) twice/,
  ],
  'an error given to next is thrown': [
    '(q, r, next) => { next(new Error("given")); }',
    'return { body: "reached" };',
    /given/,
  ],
};

for (const [i, [name, [middlewares, body, expected]]] of Object.entries(CHAINS).entries()) {
  test(name, async (t) => {
    const server = await routes(t, {
      [`m${i}`]: `exports.middlewares = [${middlewares}]; exports.process = async (q, r) => { ${body} };`,
    });
    const run = server.request(`apis/m${i}/get`);
    if (expected instanceof RegExp) await assert.rejects(run, expected);
    else assert.deepEqual((({ status, body }) => ({ status, body }))(await run), expected);
    await server.ping();
    assert.deepEqual(server.logs(), [], 'nothing is logged beside');
  });
}
