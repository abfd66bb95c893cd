// publish(message, { delay, idempotency_key, ordering_key })
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

async function publishing(t, options) {
  const source = `const { topics } = require('@chuva.io/less');
    exports.process = async () => { await topics.t.publish(1, ${options}).catch((error) => { console.log(error.code); throw error; }); };`;
  const server = await serve(t, { 'less/topics/t/s/index.js': source }, { limits: { key_bytes: 10 } });
  return { server, reply: await server.run('topics/t/s') };
}

const SENT = {
  'all options are sent': [
    "{ delay: 2.5, idempotency_key: 'a’b', ordering_key: '7' }",
    { delay: 2.5, idempotency_key: 'a’b', ordering_key: '7' },
  ],
  'options have two spellings': [
    "{ idempotencyKey: 'a', orderingKey: 'b' }",
    { idempotency_key: 'a', ordering_key: 'b' },
  ],
  'a delay of 0 is a delay': ['{ delay: 0 }', { delay: 0 }],
  'what is undefined is not wanted': ["{ delay: undefined, ordering_key: 'b' }", { ordering_key: 'b' }],
  'no options are none': ['{}', ''],
  'undefined options are none': ['undefined', ''],
};

for (const [name, [options, expected]] of Object.entries(SENT)) {
  test(name, async (t) => {
    const { server, reply } = await publishing(t, options);
    assert.equal(reply.status, 0);
    const [call] = server.calls();
    assert.deepEqual([call.options && JSON.parse(call.options), call.payload], [expected, '1']);
  });
}

const REFUSED = {
  'a delay that is no number': ["{ delay: '5' }", 'delay must be a number of seconds, 0 or more, not the string "5"'],
  'a delay below 0': ['{ delay: -1 }', 'delay must be a number of seconds, 0 or more, not -1'],
  'a delay without end': ['{ delay: Infinity }', 'delay must be a number of seconds, 0 or more, not Infinity'],
  'an empty key': ["{ idempotency_key: '' }", 'idempotency_key must be a string that is not empty, not the string ""'],
  'a key that is no string': ['{ orderingKey: 7 }', 'orderingKey must be a string that is not empty, not 7'],
  'a key that is null': ['{ ordering_key: null }', 'ordering_key must be a string that is not empty, not null'],
  'a key that is too long': [
    "{ ordering_key: 'ééééé1' }",
    'ordering_key must be at most 10 bytes long; it has 11 bytes',
  ],
  'both spellings': [
    "{ ordering_key: 'a', orderingKey: 'b' }",
    'orderingKey must be given once; it is there in both spellings',
  ],
  'a number': ['5', 'options must be an object of delay, idempotency_key, ordering_key, not 5'],
  null: ['null', 'options must be an object of delay, idempotency_key, ordering_key, not null'],
};

for (const [name, [options, message]] of Object.entries(REFUSED)) {
  test(`options with ${name} are refused before anything is sent`, async (t) => {
    const { server, reply } = await publishing(t, options);
    assert.equal(reply.thrown.message, `topics.t.publish: ${message}`);
    assert.deepEqual(server.logs(1), ['bad_option']);
    assert.deepEqual(server.calls(), []);
  });
}

test('an unknown option names the nearest and the existing ones', async (t) => {
  const { reply } = await publishing(t, '{ dealy: 5 }');
  assert.equal(
    reply.thrown.message,
    "topics.t.publish has no option 'dealy'; did you mean 'delay'? Its options: delay, idempotency_key, ordering_key",
  );
});
