// The SDK where no worker is: a unit test of a handler.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import less, { NonRetriableError, topics, kvs } from '../index.mjs';

test('outside of Less a publish says where it works, and what to do in a test', async () => {
  await assert.rejects(topics.order_placed.publish({}), {
    code: 'not_in_less',
    message:
      /topics\.order_placed\.publish works only in a handler that Less runs .*in a test, replace it: topics\.order_placed = /,
  });
});

test('a topic can be replaced in a test', async (t) => {
  t.after(() => delete topics.order_placed);
  topics.order_placed = { publish: async (message) => ({ id: message }) };
  assert.deepEqual(await less.topics.order_placed.publish(1), { id: 1 });
});

test('the SDK can be awaited, inspected and compared', async () => {
  assert.equal(await topics, topics);
  assert.equal(JSON.stringify(kvs), '{}');
  assert.equal(String(kvs), '[object Object]');
  assert.deepEqual(Object.keys(less), ['topics', 'sockets', 'functions', 'kvs', 'files', 'NonRetriableError']);
});

test('a NonRetriableError is an error of that name', () => {
  const error = new NonRetriableError('no such card', { cause: 1 });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.message, error.cause, error.stack.split('\n')[0]],
    ['NonRetriableError', 'no such card', 1, 'NonRetriableError: no such card'],
  );
});
