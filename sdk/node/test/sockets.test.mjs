import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

const SDK = "const { sockets, CallError } = require('@chuva.io/less');\n";
const SENT = { answer: () => ({ ok: '{"sent":1,"gone":["b"]}' }) };

/** A worker with the channel `send` of the socket `live-chat`, whose process has this body. */
async function channel(t, body, options) {
  const source = `${SDK}exports.process = async (message) => {\n${body}\n};`;
  return serve(t, { 'less/sockets/live-chat/send/index.js': source }, options);
}

const asked = (server) => server.calls().map(({ service, target, options, payload }) => [service, target, options, payload]);
const PATH = 'sockets/live-chat/send';

test('a channel gets what the client sent, and who it is', async (t) => {
  const server = await channel(t, 'console.log(JSON.stringify(message));');
  const payload = { data: { text: 'é' }, connection_id: 'c1' };
  assert.equal(await server.result(PATH, payload), null);
  assert.deepEqual(server.logs(1), [JSON.stringify(payload)]);
});

test('of what a handler of connections returns only the status counts', async (t) => {
  const server = await channel(t, 'return eval(message.data);');
  const answers = [];
  for (const data of [
    '({ statusCode: 403, body: "no" })',
    '({ status_code: 401 })',
    '({ statusCode: "400" })',
    '({ statusCode: 200 })',
    'undefined',
    'null',
    '7',
    '() => 1',
    '1n',
    '{ const a = {}; a.a = a; a }',
  ]) {
    answers.push(await server.result(PATH, { data }));
  }
  const status = (statusCode) => ({ statusCode });
  assert.deepEqual(answers, [status(403), status(401), status(400), status(200), ...Array(6).fill(null)]);
});

test('who connects is told with headers in any case', async (t) => {
  const server = await channel(
    t,
    'const { headers, query } = message; console.log(headers.authorization, headers["USER-AGENT"], headers.none, query.room, JSON.stringify(headers));',
  );
  const headers = { Authorization: 'x', 'User-Agent': 'y' };
  await server.result(PATH, { connection_id: 'c', headers, query: { room: '1' } });
  assert.deepEqual(server.logs(1), [`x y undefined 1 ${JSON.stringify(headers)}`]);
});

test('publish names its connections, one or several, and says who is gone', async (t) => {
  const server = await channel(
    t,
    `const { publish } = sockets['live-chat'];
     console.log(JSON.stringify(await publish({ text: 'é' }, ['a', 'b'])));
     await sockets.live_chat.publish(0, 'a');
     await publish('x', new Set(['a']));
     await publish('x', [null, undefined, 'a']);
     await publish('x', undefined);
     await publish('x', []);`,
    SENT,
  );
  await server.result(PATH, {});
  assert.deepEqual(server.logs(1), ['{"sent":1,"gone":["b"]}']);
  const to = (connections, payload) => ['sockets', 'live-chat', JSON.stringify({ connections }), payload];
  assert.deepEqual(asked(server), [
    to(['a', 'b'], '{"text":"é"}'),
    to(['a'], '0'),
    to(['a'], '"x"'),
    to([null, null, 'a'], '"x"'),
    to([], '"x"'),
    to([], '"x"'),
  ]);
});

test('broadcast names none', async (t) => {
  const server = await channel(t, "await sockets.live_chat.broadcast(['x']);", SENT);
  await server.result(PATH, {});
  assert.deepEqual(asked(server), [['sockets', 'live-chat', '', '["x"]']]);
});

test('what is no id of a connection is refused before anything is sent', async (t) => {
  const server = await channel(
    t,
    `for (const to of [7, {}, [7], [['a']], ['\\ud800']])
       await sockets.live_chat.publish(1, to).catch((error) => console.log(error.code, error.message));`,
  );
  await server.result(PATH, {});
  const what = 'bad_option sockets.live-chat.publish:';
  assert.deepEqual(server.logs(1), [
    `${what} connections must be an id or an array of ids, not 7`,
    `${what} connections must be an id or an array of ids, not an object`,
    `${what} the id of a connection must be a string, not 7`,
    `${what} the id of a connection must be a string, not an array`,
    `${what} the id of a connection must be a string, not the string "\\ud800"`,
  ]);
  assert.deepEqual(server.calls(), []);
});

test('a message of exactly the limit is sent, a larger one is refused', async (t) => {
  const server = await channel(
    t,
    `await sockets.live_chat.broadcast('e'.repeat(998));
     await sockets.live_chat.broadcast('e'.repeat(999)).catch((error) => console.log(error.code, error.message));`,
    { ...SENT, limits: { socket_message_bytes: 1000 } },
  );
  await server.result(PATH, {});
  assert.equal(server.calls().length, 1);
  assert.deepEqual(server.logs(1), [
    'message_too_large sockets.live-chat.broadcast: the message has 1,001 bytes, the limit is 1,000 bytes; nothing was sent',
  ]);
});

test('a misspelt socket fails at once and names the nearest', async (t) => {
  const server = await channel(t, 'try { sockets.live_chart.publish(1); } catch (error) { console.log(error.code, error.message); }');
  await server.result(PATH, {});
  assert.deepEqual(server.logs(1), [
    "unknown_socket there is no socket 'live_chart'; did you mean 'live-chat'? The project's sockets: live-chat",
  ]);
});
