// What an invocation costs the Node.js worker alone: CPU of its process in microseconds, with this program in the server's
// place at the other end of the real socket. Several SDKs take turns in one run, so that they can be compared on a machine
// that others use too. Prints the median of all turns, in brackets the tenth part of them that was cheapest, and the rate.
//
//   node bench/worker.mjs [sdk folder …]
//
// Environment: ONLY (a workload), IN_FLIGHT (1,64,256), ROUNDS of new processes, SLICES of SECONDS for each figure in a
// round (long enough for some collections of garbage), FLAGS for node.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from '../sdk/node/testing/frames.mjs';

const own = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const { ROUNDS = 3, SLICES = 6, SECONDS = 0.3, ONLY, IN_FLIGHT = '1,64,256', FLAGS = '' } = process.env;
const given = process.argv.slice(2).map((folder) => path.resolve(folder));
const sdks = given.length > 0 ? given : [own('sdk/node')];

const LIMITS = {
  message_bytes: 262144,
  response_bytes: 6291456,
  value_bytes: 409600,
  key_bytes: 2048,
  log_lines: 10000,
  log_bytes: 1048576,
  log_line_bytes: 65536,
};
const ORDER = { item: 'pizza', quantity: 2, price: 24.5, customer: 'c-1017', address: '12 Long Street', fail: false };
const MESSAGE = { ...ORDER, id: '0190163d-8694-739b-aea5-966c26f8ad91', status: 'placed' };
const HEAD = {
  method: 'POST',
  path: '/orders',
  headers: [
    ['Host', '127.0.0.1:4000'],
    ['User-Agent', 'bench'],
    ['Content-Type', 'application/json'],
    ['Content-Length', '112'],
  ],
  query: [],
  params: [],
  is_base64: false,
};

/** Each begins with one handler; what is published in it runs too, and a unit is done when all is. */
const WORKLOADS = {
  nothing: 'topics/nothing/s',
  prints: 'topics/prints/s',
  publishes: 'topics/publishes/s',
  hello: 'apis/bench/hello/get',
  middleware: 'apis/bench/middleware/post',
  order: 'apis/orders/orders/post',
};
const HANDLERS = {
  'less/topics/nothing/s/index.js': 'exports.process = async (order) => {};',
  'less/topics/prints/s/index.js': 'exports.process = async (order) => { console.log(`order ${order.id} accepted`); };',
  'less/topics/publishes/s/index.js':
    "const { topics } = require('@chuva.io/less'); exports.process = async (order) => { await topics.heard_by_nobody.publish(order); };",
  'less/apis/bench/hello/get.js': "exports.process = async (request, response) => ({ body: 'hello' });",
  'less/apis/bench/middleware/post.js':
    "exports.middlewares = [require('json_body')]; exports.process = async (request, response) => ({ body: request.body });",
  'less/topics/usage/s/index.js':
    "const { topics } = require('@chuva.io/less'); exports.process = () => topics.usage.publish(process.cpuUsage());",
  'node_modules/uuid/index.js': "exports.v4 = require('node:crypto').randomUUID;",
};

/** The food-delivery example, with the handlers above beside it. */
function layOut(sdk) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'less-bench-'));
  fs.cpSync(own('examples/food-delivery/less'), path.join(root, 'less'), { recursive: true });
  for (const [name, text] of Object.entries(HANDLERS)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  fs.writeFileSync(path.join(root, 'less/package.json'), '{}');
  fs.mkdirSync(path.join(root, 'less/node_modules/@chuva.io'), { recursive: true });
  fs.symlinkSync(sdk, path.join(root, 'less/node_modules/@chuva.io/less'));
  for (const name of fs.readdirSync(path.join(root, 'less/shared'))) {
    fs.symlinkSync(path.join(root, 'less/shared', name), path.join(root, 'less/node_modules', name));
  }
  return root;
}

function discover(root) {
  const files = fs
    .readdirSync(path.join(root, 'less'), { recursive: true })
    .filter((file) => !file.includes('node_modules'));
  const handlers = [];
  for (const file of files.sort()) {
    const topic = /^(topics\/.*)\/index\.js$/.exec(file);
    const route = /^(apis\/.*)\.js$/.exec(file);
    if (topic) handlers.push({ path: topic[1], file: `less/${file}`, kind: 'subscriber' });
    if (route) handlers.push({ path: route[1], file: `less/${file}`, kind: 'route' });
  }
  return handlers;
}

const NIL = '00000000-0000-0000-0000-000000000000';
/** Of an Invoke: never stale, however slow the machine. */
const SENT_AT = Math.floor(Number(process.hrtime.bigint()) / 1e6) + 3_600_000;

/** A worker, and the server's side of its socket. */
class Bench {
  constructor(sdk) {
    this.root = layOut(sdk);
    this.handlers = discover(this.root);
    this.board = fs.openSync(path.join('/dev/shm', path.basename(this.root)), 'w+');
    fs.unlinkSync(path.join('/dev/shm', path.basename(this.root)));
    const flags = [
      '--disable-warning=ExperimentalWarning',
      '--max-old-space-size=448',
      ...FLAGS.split(' ').filter(Boolean),
    ];
    this.child = spawn(process.execPath, [...flags, path.join(sdk, 'worker.cjs')], {
      cwd: this.root,
      env: { PATH: process.env.PATH, LESS_FD: '3', LESS_BOARD_FD: '4' },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', this.board],
    });
    this.child.on('exit', (code) => {
      if (!this.isEnding) throw new Error(`the worker of ${sdk} ended with ${code}`);
    });
    this.socket = this.child.stdio[3];
    this.socket.on('data', (data) => this.read(data));
    this.rest = Buffer.alloc(0);
    this.out = [];
    this.free = [];
    this.slots = 0;
    this.serial = 0;
    this.units = new Map(); // by invocation: the unit it is part of
    this.templates = this.handlers.map((handler, place) => this.template(handler, place));
    this.subscribers = new Map();
    for (const [place, { path: identity, kind }] of this.handlers.entries()) {
      if (kind !== 'subscriber') continue;
      const topic = identity.split('/')[1];
      this.subscribers.set(topic, [...(this.subscribers.get(topic) ?? []), place]);
    }
  }

  load() {
    const topics = [...this.subscribers.keys(), 'heard_by_nobody'];
    const load = {
      version: 2,
      project: 'bench',
      root: this.root,
      handlers: this.handlers,
      topics,
      functions: [],
      limits: LIMITS,
    };
    this.socket.write(encode({ type: 'load', load }));
    return new Promise((done) => (this.loaded = done));
  }

  /** An Invoke up to its payload. */
  template({ kind }, place) {
    const common = { type: 'invoke', id: 0, slot: 0, handler: place, invocation: MESSAGE.id, trace: MESSAGE.id };
    const times = {
      deadline: Date.now() + 60_000,
      sent_at: SENT_AT,
      published_at: Date.now(),
      attempt: 1,
      message: NIL,
    };
    const what = kind === 'route' ? { kind: 'request', head: HEAD, body_hex: '' } : { kind: 'message', payload: '' };
    return encode({ ...common, ...times, ...what });
  }

  invoke(place, payload, unit) {
    const slot = this.free.pop() ?? ++this.slots;
    const id = ++this.serial * 65536 + slot;
    const frame = Buffer.concat([this.templates[place], payload]);
    frame.writeUInt32LE(frame.length - 4, 0);
    frame.writeBigUInt64LE(BigInt(id), 5);
    frame.writeUInt16LE(slot, 13);
    unit.open += 1;
    this.units.set(id, unit);
    this.out.push(frame);
  }

  read(data) {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      this.take(bytes, bytes[at + 4], at + 5, end);
      at = end;
    }
    this.rest = bytes.subarray(at);
    this.flush();
  }

  flush() {
    if (this.out.length === 0) return;
    this.socket.write(Buffer.concat(this.out));
    this.out = [];
  }

  take(bytes, type, at, end) {
    if (type === 65) {
      const { problems } = JSON.parse(bytes.subarray(at, end));
      if (problems.length > 0) throw new Error(JSON.stringify(problems));
      this.loaded();
    } else if (type === 66) {
      if (bytes[at + 8] !== 0) throw new Error(bytes.toString('utf8', at + 9, end));
      this.replied(Number(bytes.readBigUInt64LE(at)));
    } else if (type === 68) this.published(bytes, at, end);
    else if (type === 69) this.lines += 1;
    else throw new Error(`a frame of type ${type}`);
  }

  replied(id) {
    const unit = this.units.get(id);
    this.units.delete(id);
    this.free.push(id % 65536);
    if (--unit.open === 0) this.ended();
  }

  published(bytes, at, end) {
    const ok = '{"id":"0190163d-8694-739b-aea5-966c26f8ad91"}';
    const answer = Buffer.alloc(14 + ok.length);
    answer.writeUInt32LE(answer.length - 4, 0);
    answer[4] = 4;
    bytes.copy(answer, 5, at, at + 8);
    answer.write(ok, 14, 'latin1');
    this.out.push(answer);
    const target = at + 19 + bytes.readUInt16LE(at + 17);
    const payload = bytes.subarray(target + 4 + bytes.readUInt32LE(target), end);
    const topic = bytes.latin1Slice(at + 19, target);
    if (topic === 'usage') return this.used(JSON.parse(payload));
    const unit = this.units.get(Number(bytes.readBigUInt64LE(at + 8)));
    for (const place of this.subscribers.get(topic) ?? []) this.invoke(place, payload, unit);
  }

  begin() {
    this.invoke(this.first, this.payload, { open: 0 });
  }

  ended() {
    this.done += 1;
    if (!this.isOver) return this.begin();
    this.left -= 1;
    if (this.left === 0) this.finished();
  }

  /** User and system time of the process so far, all its threads, in microseconds: /proc tells it in hundredths of a second. */
  async cpu() {
    const told = new Promise((done) => (this.used = done));
    this.invoke(this.placeOf('topics/usage/s'), Buffer.from('null'), { open: 1 });
    this.flush();
    const { user, system } = await told;
    return user + system;
  }

  placeOf(identity) {
    return this.handlers.findIndex((handler) => handler.path === identity);
  }

  /** Microseconds of the worker for a unit. */
  async run(workload, inFlight, seconds) {
    this.first = this.placeOf(WORKLOADS[workload]);
    this.payload = Buffer.from(JSON.stringify(WORKLOADS[workload].startsWith('apis/') ? ORDER : MESSAGE));
    this.done = 0;
    this.lines = 0;
    this.isOver = false;
    this.left = inFlight;
    const before = await this.cpu();
    const began = performance.now();
    const over = new Promise((finished) => (this.finished = finished));
    for (let n = 0; n < inFlight; n += 1) this.begin();
    this.flush();
    setTimeout(() => (this.isOver = true), seconds * 1000);
    await over;
    const rate = (this.done / (performance.now() - began)) * 1000;
    return { cpu: ((await this.cpu()) - before) / this.done, rate };
  }

  async end() {
    this.isEnding = true;
    const exited = new Promise((done) => this.child.on('exit', done));
    this.socket.write(encode({ type: 'stop' }));
    await exited;
    fs.closeSync(this.board);
    fs.rmSync(this.root, { recursive: true });
  }
}

const quantile = (numbers, part) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * part)];
const settings = Object.keys(WORKLOADS)
  .filter((name) => !ONLY || ONLY === name)
  .flatMap((name) => IN_FLIGHT.split(',').map((inFlight) => [name, Number(inFlight)]));
const figures = new Map();

for (let round = 0; round < Number(ROUNDS); round += 1) {
  const benches = sdks.map((sdk) => new Bench(sdk));
  for (const bench of benches) await bench.load();
  for (const bench of benches) for (const [name] of settings) await bench.run(name, 64, 0.2);
  for (const [name, inFlight] of settings) {
    for (let slice = 0; slice < Number(SLICES); slice += 1) {
      for (const [i, bench] of benches.entries()) {
        const key = `${name} ${inFlight} ${i}`;
        const all = figures.get(key) ?? figures.set(key, []).get(key);
        all.push(await bench.run(name, inFlight, Number(SECONDS)));
      }
    }
  }
  for (const bench of benches) await bench.end();
}
for (const [name, inFlight] of settings) {
  const columns = sdks.map((_, i) => {
    const all = figures.get(`${name} ${inFlight} ${i}`);
    const costs = all.map(({ cpu }) => cpu);
    const least = quantile(costs, 0.1).toFixed(2);
    return `${quantile(costs, 0.5).toFixed(2).padStart(7)} µs (${least.padStart(6)}; ${Math.round(
      quantile(
        all.map(({ rate }) => rate),
        0.5,
      ),
    )}/s)`;
  });
  console.log(`${name.padEnd(10)} ${String(inFlight).padStart(3)} in flight ${columns.join(' | ')}`);
}
