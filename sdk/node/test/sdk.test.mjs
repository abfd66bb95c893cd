// The SDK where no worker is: a unit test of a handler.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import less, { NonRetriableError, functions, kvs, topics } from '../index.mjs';

test('outside of Less a publish says where it works, and what to do in a test', async () => {
  await assert.rejects(topics.order_placed.publish({}), {
    code: 'not_in_less',
    message:
      /topics\.order_placed\.publish works only in a handler that Less runs .*in a test, replace it: topics\.order_placed = /,
  });
});

test('so do a function and the key-value store', async () => {
  await assert.rejects(functions.charge({}), {
    code: 'not_in_less',
    message: /^functions\.charge works only in .*in a test, replace it: functions\.charge = async/,
  });
  for (const name of [...Object.keys(kvs), 'getWithVersion']) {
    await assert.rejects(kvs[name]('a'), {
      code: 'not_in_less',
      message: /^kvs\.\w+ works only in .*replace it: kvs\./,
    });
  }
});

test('a misspelt method of kvs is told also outside of Less', () => {
  assert.throws(() => kvs.gett('a'), {
    code: 'unknown_method',
    message:
      "kvs has no method 'gett'; did you mean 'get'? Its methods: get, set, delete, increment, list, get_with_version",
  });
});

test('a topic can be replaced in a test', async (t) => {
  t.after(() => delete topics.order_placed);
  topics.order_placed = { publish: async (message) => ({ id: message }) };
  assert.deepEqual(await less.topics.order_placed.publish(1), { id: 1 });
});

test('so can a function and a method of kvs', async (t) => {
  const { get } = kvs;
  t.after(() => (delete functions.charge, (kvs.get = get)));
  functions.charge = async (card) => ({ card });
  kvs.get = async () => 7;
  assert.deepEqual([await less.functions.charge(1), await less.kvs.get('a')], [{ card: 1 }, 7]);
});

test('the SDK can be awaited, inspected and compared', async () => {
  assert.equal(await topics, topics);
  assert.equal(JSON.stringify(kvs), '{}');
  assert.equal(String(kvs), '[object Object]');
  assert.deepEqual(Object.keys(less), [
    'topics',
    'sockets',
    'functions',
    'kvs',
    'files',
    'NonRetriableError',
    'CallError',
    'FunctionError',
  ]);
  assert.deepEqual(Object.keys(kvs), ['get', 'set', 'delete', 'increment', 'list', 'get_with_version']);
});

test('a NonRetriableError is an error of that name', () => {
  const error = new NonRetriableError('no such card', { cause: 1 });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.message, error.cause, error.stack.split('\n')[0]],
    ['NonRetriableError', 'no such card', 1, 'NonRetriableError: no such card'],
  );
});

test('what is declared is what is there', () => {
  const declared = fs.readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
  const names = (pattern, text = declared) => [...text.matchAll(pattern)].map((match) => match[1]).sort();
  assert.deepEqual(names(/^export (?:const|class) (\w+)/gm), Object.keys(less).sort());
  assert.deepEqual(
    names(/^ {2}(\w+)(?=[:])/gm, /^declare const less: \{.*?^\}/ms.exec(declared)[0]),
    Object.keys(less).sort(),
  );
  const methods = /^export interface Kvs \{.*?^\}/ms.exec(declared)[0];
  assert.deepEqual(names(/^ {2}(\w+)[<(]/gm, methods), Object.getOwnPropertyNames(kvs).sort());
});
