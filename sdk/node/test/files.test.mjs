import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../testing/server.mjs';

/** A worker whose subscriber `topics/t/s` has this body; every Call is answered by `answer`. */
async function using(t, body, answer = { ok: 'null' }) {
  const source = `const { files } = require('@chuva.io/less');\nexports.process = async (message) => {\n${body}\n};`;
  return serve(t, { 'less/topics/t/s/index.js': source }, { answer: () => answer });
}

const URL_OF_IT = '"http://localhost:4747/shop/files/a?expires=1&signature=2"';
const ENTRY = { path: 'a', size: 3, content_type: 'text/plain', etag: 'e', uploaded_at: 7 };

const SENT = {
  'an upload URL is asked for by path': [
    "files.create_upload_url('a/b.txt')",
    URL_OF_IT,
    'create_upload_url',
    { path: 'a/b.txt' },
  ],
  'createUploadUrl is the same': ["files.createUploadUrl('a')", URL_OF_IT, 'create_upload_url', { path: 'a' }],
  'a URL may live as long as is said': [
    "files.create_upload_url('a', { expires_in: 7200 })",
    URL_OF_IT,
    'create_upload_url',
    { path: 'a', expires_in: 7200 },
  ],
  'options have two spellings': [
    "files.get_url('é', { expiresIn: 0.5 })",
    URL_OF_IT,
    'get_url',
    { path: 'é', expires_in: 0.5 },
  ],
  'getUrl is the same': ["files.getUrl('a', { expires_in: undefined })", URL_OF_IT, 'get_url', { path: 'a' }],
  'list gives all files': ['files.list()', JSON.stringify([ENTRY]), 'list', { path: '' }],
  'list takes a prefix, a place and a limit': [
    "files.list('a/', { after: 'a/7', limit: 10 })",
    '[]',
    'list',
    { path: 'a/', after: 'a/7', limit: 10 },
  ],
  'delete tells whether there was something': ["files.delete('a')", 'true', 'delete', { path: 'a' }],
};

for (const [name, [expression, ok, target, options]] of Object.entries(SENT)) {
  test(name, async (t) => {
    const server = await using(t, `console.log(JSON.stringify(await ${expression}));`, { ok });
    const { status, thrown } = await server.run('topics/t/s');
    assert.equal(status, 0, thrown?.stack);
    const [call] = server.calls();
    const sent = [call.service, call.target, JSON.parse(call.options), call.payload];
    assert.deepEqual(sent, ['files', target, options, '']);
    assert.deepEqual(JSON.parse(server.logs(1)[0]), JSON.parse(ok));
  });
}

const REFUSED = {
  'an empty path': [
    "files.get_url('')",
    'bad_path',
    'files.get_url: a path must be a string that is not empty, not the string ""',
  ],
  'no path': ['files.delete()', 'bad_path', 'files.delete: a path must be a string that is not empty, not undefined'],
  'a path that is too long': [
    "files.create_upload_url('é'.repeat(513))",
    'bad_path',
    'files.create_upload_url: a path must be at most 1,024 bytes long; it has 1,026 bytes',
  ],
  'half a character': [
    `files.get_url('a\\ud800')`,
    'bad_path',
    String.raw`files.get_url: a path must be text, and "a\ud800" has half a surrogate pair`,
  ],
  'a prefix that is no string': ['files.list(7)', 'bad_path', 'files.list: a prefix must be a string, not 7'],
  'a time of 0': [
    "files.get_url('a', { expires_in: 0 })",
    'bad_option',
    'files.get_url: expires_in must be a number of seconds, more than 0, not 0',
  ],
  'seconds without a name': [
    "files.get_url('a', 60)",
    'bad_option',
    'files.get_url: options must be an object of expires_in, not 60',
  ],
  'an unknown option': [
    "files.get_url('a', { expires_inn: 60 })",
    'bad_option',
    "files.get_url has no option 'expires_inn'; did you mean 'expires_in'? Its options: expires_in",
  ],
  'a misspelt method': [
    "(async () => files.get_ulr('a'))()",
    'unknown_method',
    "files has no method 'get_ulr'; did you mean 'get_url'? Its methods: create_upload_url, get_url, list, delete",
  ],
};

for (const [name, [expression, code, message]] of Object.entries(REFUSED)) {
  test(`${name} is refused before anything is sent`, async (t) => {
    const server = await using(t, `await ${expression}.catch((error) => { console.log(error.code); throw error; });`);
    const { thrown } = await server.run('topics/t/s');
    assert.equal(thrown.message, message);
    assert.deepEqual(server.logs(1), [code]);
    assert.deepEqual(server.calls(), []);
  });
}

test('what the server refuses is thrown with its code', async (t) => {
  const refusal = { error: { code: 'bad_path', message: 'a path must not have a segment that is . or ..' } };
  const body = "await files.get_url('../a').catch(({ code, message }) => console.log(code, message));";
  const server = await using(t, body, refusal);
  assert.equal((await server.run('topics/t/s')).status, 0);
  assert.deepEqual(server.logs(1), ['bad_path a path must not have a segment that is . or ..']);
});
