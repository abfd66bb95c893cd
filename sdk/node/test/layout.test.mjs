// What `require` and `import` find from a handler, whatever stands around it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, serve } from '../testing/server.mjs';

const HANDLERS = {
  'less/apis/a/cjs/get.js':
    "const { topics } = require('@chuva.io/less'); const m = require('models');\nexports.process = async () => ({ body: [typeof topics, m.name, m.other] });",
  'less/apis/a/esm/get.js':
    "import { topics } from '@chuva.io/less'; import models, { name, other } from 'models';\nexport const process = async () => ({ body: [typeof topics, name, other] });",
  'less/apis/a/esm2/get.mjs':
    "import less from '@chuva.io/less';\nexport default { process: async () => ({ body: [typeof less.topics] }) };",
  'less/apis/a/cjs2/get.cjs':
    'module.exports = { process() { return { body: [this === module.exports] }; }, middlewares: [] };',
  'less/apis/a/esmonly/get.js':
    "exports.process = async () => ({ body: [require('esm-only').answer, require('./beside').beside] });",
  'less/apis/a/esmonly/beside.js': 'export const beside = 7;',
  'less/shared/models/index.js': "exports.name = 'models'; exports.other = require('other').default;",
  'less/shared/other/index.js': "import { relative } from './deeper/relative.js';\nexport default relative;",
  'less/shared/other/deeper/relative.js': "export const relative = 'deeper';",
  'node_modules/esm-only/package.json': '{"name":"esm-only","type":"module","exports":"./index.js"}',
  'node_modules/esm-only/index.js': 'export const answer = 42;',
  'node_modules/models/index.js': "exports.name = 'a package of the same name';",
  'node_modules/@chuva.io/less/index.js': "throw new Error('a package of the same name');",
};

for (const type of [undefined, 'module', 'commonjs']) {
  test(`CommonJS and ES modules run side by side under a package.json of type ${type}`, async (t) => {
    const server = await serve(t, { ...HANDLERS, 'package.json': JSON.stringify({ name: 'shop', type }) });
    const body = async (path) => JSON.parse((await server.request(path)).body);
    assert.deepEqual(await body('apis/a/cjs/get'), ['object', 'models', 'deeper']);
    assert.deepEqual(await body('apis/a/esm/get'), ['object', 'models', 'deeper']);
    assert.deepEqual(await body('apis/a/esm2/get'), ['object']);
    assert.deepEqual(await body('apis/a/cjs2/get'), [true]);
    assert.deepEqual(await body('apis/a/esmonly/get'), [42, 7]);
    assert.equal(server.output, '', 'Node warns of nothing');
  });
}

test('require and import give the same objects', async (t) => {
  const server = await serve(t, {
    'less/apis/a/get.cjs': `
      exports.process = async () => {
        const named = await import('@chuva.io/less');
        const sdk = require('@chuva.io/less');
        const names = ['topics', 'sockets', 'functions', 'kvs', 'files', 'NonRetriableError', 'CallError', 'FunctionError'];
        return { body: [named.default === sdk, ...names.map((name) => named[name] === sdk[name] && sdk[name] !== undefined)] };
      };`,
  });
  assert.deepEqual(JSON.parse((await server.request('apis/a/get')).body), Array(9).fill(true));
});

test('a folder with braces in its name is a folder', async (t) => {
  const server = await serve(t, {
    'less/apis/a/{id}/get.js': "exports.process = async () => { throw new Error('no'); };",
    'less/apis/a/{id}/b/get.mjs': "export const process = async () => { throw new Error('no'); };",
  });
  for (const file of ['less/apis/a/{id}/get.js', 'less/apis/a/{id}/b/get.mjs']) {
    const { thrown } = await server.run(file.replace(/^less\/|\.\w+$/g, ''));
    assert.match(thrown.stack.split('\n')[1], new RegExp(`${file.replace(/[{}.]/g, '\\$&')}:1:`));
    assert.equal(thrown.stack.split('\n').length, 2);
  }
});

test('every handler that cannot be served is a problem, with its place and a hint', async (t) => {
  const server = new Server(t, {
    'less/apis/a/fine/get.js': 'exports.process = () => {};',
    'less/apis/a/nothing/get.js': 'exports.handler = () => {};',
    'less/apis/a/number/get.js': 'exports.process = 7;',
    'less/apis/a/middlewares/get.js': "exports.process = () => {}; exports.middlewares = [() => {}, 'auth'];",
    'less/apis/a/middleware/get.js': 'exports.process = () => {}; exports.middlewares = () => {};',
    'less/apis/a/syntax-cjs/get.js': 'const x = 1;\nconst y = ;',
    'less/apis/a/syntax-esm/get.js': 'export const process = () => {};\n\nconst y = ;',
    'less/apis/a/syntax-shared/get.js': "import 'broken';\nexport const process = () => {};",
    'less/apis/a/syntax-shared/post.js': "import 'broken';\nexport const process = () => {};",
    'less/shared/broken/index.js': 'export const a = }',
    'less/apis/a/package/get.js': "\nconst { v4 } = require('uuid');\nexports.process = () => {};",
    'less/apis/a/package-esm/get.js': "import x from '@scope/thing/sub';\nexport const process = () => {};",
    'less/apis/a/sdk/get.js': "require('@chuva.io/les');",
    'less/apis/a/sdk-name/get.js': "import { topic } from '@chuva.io/less';\nexport const process = () => {};",
    'less/apis/a/module/get.js': "require('brokn');",
    'less/apis/a/mixed/get.js': "import 'node:fs';\nexports.process = () => {};",
    'less/apis/a/relative/get.js': "import { x } from './schema';\nexport const process = () => {};",
    'less/apis/a/relative/schema.js': 'export const x = 1;',
    'less/apis/a/relative-cjs/get.js': "require('../no/such');",
    'less/apis/a/name/get.js': "import { zork } from '../fine2.mjs';\nexport const process = () => {};",
    'less/apis/a/fine2.mjs': 'export const b = 1;',
    'less/apis/a/throws/get.js': "\n\nthrow new TypeError('no database');",
    'less/topics/t/s/index.mjs': 'export const proces = 1;',
  });
  const { problems } = await server.load();
  const found = Object.fromEntries(problems.map(({ file, message }) => [file, message]));
  const expected = {
    'less/apis/a/nothing/get.js': /^does not export 'process'\nhint: exports.process = async \(request, response\)/,
    'less/apis/a/number/get.js': /^exports a 'process' that is no function but 7\nhint:/,
    'less/apis/a/middlewares/get.js': /^item 2 of 'middlewares' is no function but the string "auth"\nhint:/,
    'less/apis/a/middleware/get.js': /^exports 'middlewares' that are no array but a function\nhint:/,
    'less/apis/a/syntax-cjs/get.js:2': /^syntax error: Unexpected token ';'\n    const y = ;\n {14}\^$/,
    'less/apis/a/syntax-esm/get.js:3': /^syntax error: Unexpected token ';'\n    const y = ;\n {14}\^$/,
    'less/shared/broken/index.js:1': /^syntax error: Unexpected token '}'/,
    'less/apis/a/package/get.js:2':
      /^cannot find the package 'uuid'\nhint: add it to the dependencies in package.json \(npm install uuid\)/,
    'less/apis/a/package-esm/get.js:1': /^cannot find the package '@scope\/thing'\nhint: .*npm install @scope\/thing/,
    'less/apis/a/sdk/get.js:1': /^cannot find the package '@chuva.io\/les'\nhint: did you mean '@chuva.io\/less'\?/,
    'less/apis/a/sdk-name/get.js:1': /an export named 'topic'(?:\n.*)*\nhint: did you mean 'topics'\?$/,
    'less/apis/a/module/get.js:1': /^cannot find the package 'brokn'\nhint: did you mean 'broken'\?/,
    'less/apis/a/mixed/get.js:2': /exports is not defined in ES module scope(?:\n.*)*\nhint: .*write export const process = …/,
    'less/apis/a/relative/get.js:1': /^cannot find '.\/schema'\nhint: write '.\/schema.js'/,
    'less/apis/a/relative-cjs/get.js:1': /^cannot find '..\/no\/such'\nhint: check its path/,
    'less/apis/a/name/get.js:1': /^syntax error: .*does not provide an export named 'zork'/,
    'less/apis/a/throws/get.js:3':
      /^fails while it is loaded: TypeError: no database\n    at .*less\/apis\/a\/throws\/get.js:3:7\)$/,
    'less/topics/t/s/index.mjs': /^does not export 'process'\nhint: exports.process = async \(message\)/,
  };
  for (const [file, pattern] of Object.entries(expected)) assert.match(found[file] ?? `nothing of ${file}`, pattern);
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  assert.equal(problems.length, Object.keys(expected).length, 'what two handlers share is told once');
});

test('a worker of another version of the protocol says so and ends', async (t) => {
  const server = new Server(t, {});
  server.load(3).catch(() => {});
  assert.equal((await server.exited).code, 1);
  assert.match(server.output, /the server speaks version 3 of the protocol, this worker 2/);
});
