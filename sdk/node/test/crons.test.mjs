import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, serve } from '../testing/server.mjs';

test('a cron gets nothing, or the context if it declares one', async (t) => {
  const server = await serve(t, {
    'less/crons/nothing/index.js': 'exports.process = function () { console.log(arguments.length); };',
    'less/crons/context/index.mjs': 'export const process = async (context) => console.log(JSON.stringify(context));',
  });
  assert.equal((await server.run('crons/nothing', { payload: '' })).status, 0);
  assert.deepEqual(server.logs(1), ['0']);
  assert.equal((await server.run('crons/context', { attempt: 2, deadline: 1700000900000 })).status, 0);
  assert.deepEqual(JSON.parse(server.logs(2)[0]), {
    project: 'shop',
    handler: 'crons/context',
    invocation_id: '0190163d-8694-739b-aea5-966c26f8ad91',
    trace_id: '0190163d-8694-739b-aea5-966c26f8ad92',
    message_id: '0190163d-8694-739b-aea5-966c26f8ad93',
    attempt: 2,
    published_at: 1700000000000,
    deadline: 1700000900000,
  });
});

test('a cron that throws failed', async (t) => {
  const server = await serve(t, { 'less/crons/c/index.js': "exports.process = () => { throw new Error('no'); };" });
  const { status, thrown } = await server.run('crons/c');
  assert.deepEqual([status, thrown.message], [1, 'no']);
});

test('a subscriber of another project is one', async (t) => {
  const server = await serve(t, {
    'less/external_topics/chat-api/sent/s/index.js': 'exports.process = async (message) => console.log(message.id);',
  });
  assert.equal((await server.run('external_topics/chat-api/sent/s', { message: { id: 7 } })).status, 0);
  assert.deepEqual(server.logs(1), ['7']);
});

test('each kind of handler has its own example when it exports none', async (t) => {
  const server = new Server(t, {
    'less/apis/a/get.js': '',
    'less/topics/t/s/index.js': '',
    'less/crons/c/index.js': '',
    'less/functions/f/index.js': '',
  });
  const { problems } = await server.load();
  const hint = (example) =>
    `does not export 'process'\nhint: exports.process = ${example}, or export const process = …`;
  assert.deepEqual(Object.fromEntries(problems.map(({ file, message }) => [file, message])), {
    'less/apis/a/get.js': hint('async (request, response) => { … }'),
    'less/topics/t/s/index.js': hint('async (message) => { … }'),
    'less/crons/c/index.js': hint('async () => { … }'),
    'less/functions/f/index.js': hint('async (payload) => { … }'),
  });
});
