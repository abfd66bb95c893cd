// What a warm invocation costs in each language: the same route in JavaScript, TypeScript and Python, one request after
// the other, in alternating rounds of one run. Prints the medians in milliseconds and their differences to JavaScript's.
//
//   node bench/languages.mjs [rounds] [requests a round]      LESS_CLI: the binary, else target/release/less-cli

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [rounds = 9, requests = 500] = process.argv.slice(2).map(Number);
const cli = process.env.LESS_CLI ?? fileURLToPath(new URL('../target/release/less-cli', import.meta.url));
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'less-bench-'));
const folder = path.join(home, 'hello');
const env = { ...process.env, LESS_HOME: path.join(home, 'less'), LESS_PORT: '0', NO_COLOR: '1' };

const HANDLERS = {
  'js/get.js': "exports.process = async (request, response) => ({ body: 'hello' });\n",
  'ts/get.ts': "export const process = async (): Promise<{ body: string }> => ({ body: 'hello' });\n",
  'py/get.py': "def process(request, response):\n    return {'body': 'hello'}\n",
  'py_async/get.py': "async def process(request, response):\n    return {'body': 'hello'}\n",
};

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(url) {
  const began = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
      response.resume().on('end', () => resolve(Number(process.hrtime.bigint() - began) / 1e6));
    });
    request.on('error', reject);
  });
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

try {
  for (const [file, text] of Object.entries(HANDLERS)) {
    const place = path.join(folder, 'less/apis/hello', file);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.writeFileSync(place, text);
  }
  const said = execFileSync(cli, ['deploy', 'hello'], { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const api = /- hello: (\S+)/.exec(said)[1];
  const routes = Object.keys(HANDLERS).map((file) => path.dirname(file));
  const medians = Object.fromEntries(routes.map((route) => [route, []]));
  for (const route of routes) for (let n = 0; n < requests; n += 1) await ask(`${api}/${route}`);
  for (let round = 0; round < rounds; round += 1) {
    for (const route of routes) {
      const times = [];
      for (let n = 0; n < requests; n += 1) times.push(await ask(`${api}/${route}`));
      medians[route].push(median(times));
    }
  }
  const js = median(medians.js);
  for (const route of routes) {
    const all = medians[route];
    const middle = median(all);
    const spread = `${all[0].toFixed(3)} to ${all.at(-1).toFixed(3)}`;
    console.log(`${route.padEnd(9)} ${middle.toFixed(3)} ms (${spread}), ${(middle - js).toFixed(3)} ms more than js`);
  }
} finally {
  execFileSync(cli, ['server', 'stop'], { env, stdio: 'ignore' });
  fs.rmSync(home, { recursive: true, force: true });
}
