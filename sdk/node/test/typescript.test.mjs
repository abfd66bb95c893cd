// TypeScript, as a build lays it out: a `.js` with a source map beside each `.ts`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, serve } from '../testing/server.mjs';
import { build } from '../testing/typescript.mjs';

const THROWING = {
  'less/topics/t/s/index.ts': `interface Order {
  id: number;
}

type Card = string;
import { pay } from 'payments';

export const process = async (order: Order): Promise<void> => {
  await pay(order.id);
};
`,
  'less/shared/payments/index.ts': `interface Gone {
  id: number;
}
export async function pay(id: Number) {
  const wanted: Number = id; throw new RangeError('no card', { cause: new Error('why') });
}
`,
};

for (const side of [false, true]) {
  test(`stacks name the lines of the .ts, with a map ${side ? 'beside the .js' : 'within the .js'}`, async (t) => {
    const server = await serve(t, build(THROWING, { side }));
    const { status, thrown } = await server.run('topics/t/s', { message: { id: 7 } });
    assert.deepEqual([status, thrown.name], [1, 'RangeError']);
    const frames = [
      '    at pay (less/shared/payments/index.ts:5:36)',
      '    at Module.process (less/topics/t/s/index.ts:9:9)',
    ];
    assert.deepEqual(thrown.stack.split('\n'), [
      'RangeError: no card',
      ...frames,
      'caused by Error: why',
      frames[0].replace('36', '71'),
      frames[1],
    ]);
    await server.ping();
    assert.equal(server.output, '');
  });
}

test('each kind of handler in TypeScript runs', async (t) => {
  const server = await serve(
    t,
    build({
      'less/apis/a/get.ts':
        "import { functions } from '@chuva.io/less';\nexport const process = async (request: Request) => ({ body: await functions.f(request.params) });\n",
      'less/functions/f/index.ts': 'type N = number;\nexport const process = async (n: N) => n;\n',
      'less/crons/c/index.ts': "export const process = () => console.log('due');\n",
    }),
    { answer: ({ payload }) => ({ ok: payload }) },
  );
  assert.equal((await server.request('apis/a/get', { params: [['id', '7']] })).body, '{"id":"7"}');
  assert.equal(await server.result('functions/f', 7), 7);
  assert.equal((await server.run('crons/c')).status, 0);
});

test('every handler that cannot be served is a problem of its .ts, with its place and a hint', async (t) => {
  const server = new Server(
    t,
    build({
      'less/apis/a/nothing/get.ts': 'export const handler = 1;\n',
      'less/apis/a/number/get.ts': 'export const process: Number = 7;\n',
      'less/topics/t/s/index.ts': '',
      'less/crons/c/index.ts': '',
      'less/functions/f/index.ts': '',
      'less/apis/a/throws/get.ts':
        "interface Gone {\n  id: number;\n}\nexport const process = () => {};\nthrow new TypeError('no database');\n",
      'less/apis/a/package/get.ts':
        "type Gone = string;\nimport { v4 } from 'uuid';\nexport const process = () => v4();\n",
      'less/apis/a/relative/get.ts':
        "type Gone = string;\n\nexport const process = () => {};\nawait import('./schema');\n",
      'less/apis/a/relative/schema.ts': 'export const a = 1;\n',
      'less/apis/a/folder/get.ts': "import './models';\nexport const process = () => {};\n",
      'less/apis/a/folder/models/index.ts': 'export const a = 1;\n',
      'less/apis/a/missing/get.ts': "type Gone = string;\nimport './no/such.ts';\nexport const process = () => {};\n",
      'less/apis/a/required/get.ts':
        "type Gone = string;\nexports.process = () => require('./gone');\nrequire('../no/such');\n",
      'less/apis/a/name/get.ts':
        "interface Gone {\n  id: number;\n}\nimport { a,\n  Zork } from '../lib.js';\nexport const process = () => [a, Zork];\n",
      'less/apis/a/lib.ts': 'export const a = 1;\n',
      'less/apis/a/syntax/get.ts': 'type Gone = string;\n\nexport const process = () => {};\nconst y: String = ;\n',
      'less/apis/a/shared/get.ts': "import 'broken';\nexport const process = () => {};\n",
      'less/shared/broken/index.ts': "type Gone = string;\nimport './deep.js';\n",
    }),
  );
  const { problems } = await server.load();
  const found = Object.fromEntries(problems.map(({ file, message }) => [file, message]));
  const expected = {
    'less/apis/a/nothing/get.ts':
      /^does not export 'process'\nhint: export const process = async \(request, response\) => \{ … \}$/,
    'less/apis/a/number/get.ts':
      /^exports a 'process' that is no function but 7\nhint: export const process = async \(/,
    'less/topics/t/s/index.ts': /hint: export const process = async \(message\) => \{ … \}$/,
    'less/crons/c/index.ts': /hint: export const process = async \(\) => \{ … \}$/,
    'less/functions/f/index.ts': /hint: export const process = async \(payload\) => \{ … \}$/,
    'less/apis/a/throws/get.ts:5':
      /^fails while it is loaded: TypeError: no database\n    at .*less\/apis\/a\/throws\/get.ts:5:7\)?$/,
    'less/apis/a/package/get.ts:2': /^cannot find the package 'uuid'\nhint: add it to the dependencies/,
    'less/apis/a/relative/get.ts:4': /^cannot find '.\/schema'\nhint: write '.\/schema.ts': import needs the whole/,
    'less/apis/a/folder/get.ts:1': /^cannot find '.\/models'\nhint: write '.\/models\/index.ts'/,
    'less/apis/a/missing/get.ts:2': /^cannot find '.\/no\/such.ts'\nhint: check its path/,
    'less/apis/a/required/get.ts:3': /^cannot find '..\/no\/such'\nhint: check its path/,
    'less/apis/a/name/get.ts:5':
      /^syntax error: .*does not provide an export named 'Zork'\n      Zork \} from '..\/lib.js';\n {6}\^+\nhint: if 'Zork' is a type, say so: import type, or export type$/,
    'less/apis/a/syntax/get.ts:4': /^syntax error: Unexpected token ';'\n    const y: String = ;$/,
    'less/shared/broken/index.ts:2': /^cannot find '.\/deep.js'\nhint: check its path/,
  };
  for (const [file, pattern] of Object.entries(expected)) assert.match(found[file] ?? `nothing of ${file}`, pattern);
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
});

test('a source map that cannot be read leaves the place in the .js', async (t) => {
  const files = {
    'less/apis/a/no-map/get.js': "require('./gone');\n//# sourceMappingURL=get.js.map\n",
    'less/apis/a/no-json/get.js': "require('./gone');\n//# sourceMappingURL=data:application/json,{\n",
    'less/apis/a/no-source/get.js': `require('./gone');\n//# sourceMappingURL=data:application/json,${encodeURIComponent(
      JSON.stringify({ version: 3, sources: ['no-such.ts'], names: [], mappings: 'AAAA' }),
    )}\n`,
  };
  const { problems } = await new Server(t, files).load();
  assert.deepEqual(
    problems.map((problem) => problem.file).sort(),
    Object.keys(files)
      .map((file) => `${file}:1`)
      .sort(),
  );
});
