// A server for tests: lays out a project in a temporary folder and talks to a real worker process.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { NIL, decode, encode } from './frames.mjs';

const SDK = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'];
const LIMITS = {
  message_bytes: 262144,
  socket_message_bytes: 32768,
  response_bytes: 6291456,
  value_bytes: 409600,
  key_bytes: 2048,
  log_lines: 10000,
  log_bytes: 1048576,
  log_line_bytes: 65536,
};
export const INVOCATION = '0190163d-8694-739b-aea5-966c26f8ad91';
export const TRACE = '0190163d-8694-739b-aea5-966c26f8ad92';
export const MESSAGE = '0190163d-8694-739b-aea5-966c26f8ad93';

/** Never stale, however slow the machine that runs the tests. */
const fresh = () => now() + 3_600_000;

export const now = () => Math.floor(Number(process.hrtime.bigint()) / 1e6);

/** Writes a project as the server does: shared modules and the SDK are links, `less/` is a package of its own. */
export function layOut(files) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'less-node-'));
  const write = (name, content) => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), content);
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  write('less/package.json', '{}');
  fs.mkdirSync(path.join(root, 'less/node_modules/@chuva.io'), { recursive: true });
  fs.symlinkSync(SDK, path.join(root, 'less/node_modules/@chuva.io/less'));
  const shared = path.join(root, 'less/shared');
  for (const name of fs.existsSync(shared) ? fs.readdirSync(shared) : []) {
    fs.symlinkSync(path.join(shared, name), path.join(root, 'less/node_modules', name));
  }
  return root;
}

const KINDS = {
  route: /^less\/(apis\/.+\/(?:get|post|put|patch|delete))\.[cm]?js$/,
  subscriber: /^less\/(topics\/[^/]+\/[^/]+|external_topics\/[^/]+\/[^/]+\/[^/]+)\/index\.[cm]?js$/,
  cron: /^less\/(crons\/[^/]+)\/index\.[cm]?js$/,
  function: /^less\/(functions\/[^/]+)\/index\.[cm]?js$/,
  socket: /^less\/(sockets\/[^/]+\/[^/]+)\/index\.[cm]?js$/,
};
/** What an Invoke of a kind of handler is. */
const INVOKES = { route: 'request', subscriber: 'message', cron: 'message', function: 'call', socket: 'call' };

/** The handlers among a project's files, in alphabetical order. A `.js` beside its `.ts` is what a build made. */
function discover(files) {
  const found = [];
  for (const file of Object.keys(files).sort()) {
    const source = file.replace(/\.js$/, '.ts');
    const written = file.endsWith('.js') && source in files ? { source } : {};
    for (const [kind, pattern] of Object.entries(KINDS)) {
      const path = pattern.exec(file)?.[1];
      if (path) found.push({ path, file, ...written, kind });
    }
  }
  return found;
}

/** The second part of the paths of a kind. */
const namesOf = (handlers, folder) => [
  ...new Set(
    handlers
      .map((handler) => handler.path.split('/'))
      .filter((at) => at[0] === folder)
      .map((at) => at[1]),
  ),
];

/** A worker that serves `files`, loaded; it ends with the test. `options`: limits, topics, functions, sockets, answer. */
export async function serve(test, files, options = {}) {
  const server = new Server(test, files, options);
  const loaded = await server.load();
  if (loaded.problems.length > 0) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return server;
}

export class Server {
  /** `answer(call)`: fields of the Answer to a Call, or undefined to leave it open. By default all succeed. */
  constructor(test, files, { limits, topics, functions, sockets, answer } = {}) {
    this.root = layOut(files);
    this.handlers = discover(files);
    this.topics = topics ?? namesOf(this.handlers, 'topics');
    this.functions = functions ?? namesOf(this.handlers, 'functions');
    this.sockets = sockets ?? namesOf(this.handlers, 'sockets');
    this.limits = { ...LIMITS, ...limits };
    this.answer = answer ?? (({ call }) => ({ ok: `{"id":"m${call}"}` }));
    this.frames = [];
    this.waiting = [];
    this.kinds = new Map();
    this.nextId = 1;
    this.output = '';
    const boardFile = path.join(this.root, 'board');
    this.board = fs.openSync(boardFile, 'w+');
    const flags = this.handlers.some((handler) => handler.source) ? [...FLAGS, '--enable-source-maps'] : FLAGS;
    this.process = spawn(process.execPath, [...flags, path.join(SDK, 'worker.cjs')], {
      cwd: this.root,
      env: { PATH: process.env.PATH, LESS_FD: '3', LESS_BOARD_FD: '4' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.board],
    });
    this.exited = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    this.socket = this.process.stdio[3];
    this.socket.on('error', () => {});
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (data) => (this.output += data));
    this.read();
    test.after(() => {
      this.process.kill('SIGKILL');
      fs.closeSync(this.board);
      fs.rmSync(this.root, { recursive: true });
    });
  }

  read() {
    let buffer = Buffer.alloc(0);
    this.socket.on('data', (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32LE(0)) {
        const end = 4 + buffer.readUInt32LE(0);
        this.take(decode(buffer.subarray(4, end), (id) => this.kinds.get(id)));
        buffer = buffer.subarray(end);
      }
    });
    this.socket.on('close', () => {
      for (const { reject, what } of this.waiting)
        reject(new Error(`the worker ended before ${what} came; ${this.output}`));
    });
  }

  take(frame) {
    this.frames.push(frame);
    if (frame.type === 'call') {
      const answer = this.answer(frame);
      if (answer) this.send({ type: 'answer', call: frame.call, ...answer });
    }
    this.waiting = this.waiting.filter(({ wanted, resolve }) => !wanted(frame) || resolve(frame));
  }

  send(...frames) {
    this.socket.write(Buffer.concat(frames.map(encode)));
  }

  /** The first frame, also of those that came already, that is wanted. */
  frame(what, wanted) {
    const found = this.frames.find(wanted);
    if (found) return found;
    return new Promise((resolve, reject) => this.waiting.push({ what, wanted, resolve, reject }));
  }

  load(version = 2) {
    const { root, handlers, topics, functions, sockets, limits } = this;
    const load = { version, project: 'shop', root, handlers, topics, functions, sockets, limits };
    this.send({ type: 'load', load });
    return this.frame('Loaded', (frame) => frame.type === 'loaded');
  }

  /** The fields of an Invoke; `path` names the handler, what else is given replaces defaults. */
  invocation(path, given = {}) {
    const handler = this.handlers.findIndex((one) => one.path === path);
    if (handler < 0) throw new Error(`no handler ${path}`);
    const id = this.nextId++;
    const common = {
      type: 'invoke',
      id,
      slot: id,
      handler,
      invocation: INVOCATION,
      trace: TRACE,
      deadline: Date.now() + 30_000,
      sent_at: fresh(),
    };
    const kind = INVOKES[this.handlers[handler].kind];
    this.kinds.set(id, kind);
    if (kind === 'call') {
      const { payload = null, ...rest } = given;
      return { ...common, kind, payload: JSON.stringify(payload), ...rest };
    }
    if (kind === 'message') {
      const { message = {}, ...rest } = given;
      return {
        ...common,
        kind,
        message: MESSAGE,
        attempt: 1,
        published_at: 1700000000000,
        payload: JSON.stringify(message),
        ...rest,
      };
    }
    const { body = '', sent_at = common.sent_at, ...rest } = given;
    const head = { method: 'POST', path: '/', headers: [], query: [], params: [], is_base64: false, ...rest };
    return { ...common, sent_at, kind, head, body_hex: Buffer.from(body).toString('hex') };
  }

  /** Invokes and waits for the Reply. */
  async run(path, given) {
    const invocation = this.invocation(path, given);
    this.send(invocation);
    return this.reply(invocation.id);
  }

  reply(id) {
    return this.frame(`the reply of ${id}`, (frame) => frame.type === 'reply' && frame.id === id);
  }

  /** Runs a route; the response with its headers as an object and its body as text. */
  async request(path, given) {
    const { status, response, thrown } = await this.run(path, given);
    if (status !== 0) throw Object.assign(new Error(thrown.message), { status, thrown });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(response.body_hex, 'hex').toString(),
    };
  }

  /** Runs a function; its result. */
  async result(path, payload) {
    const { status, result, thrown } = await this.run(path, { payload });
    if (status !== 0) throw Object.assign(new Error(thrown.message), { status, thrown });
    return JSON.parse(result);
  }

  logs(id) {
    return this.frames
      .filter((frame) => frame.type === 'log' && (id === undefined || frame.id === id))
      .map((frame) => frame.text);
  }

  /** A log line, of whatever invocation, that contains this. */
  logged(text) {
    return this.frame(`the log line '${text}'`, (frame) => frame.type === 'log' && frame.text.includes(text));
  }

  calls() {
    return this.frames.filter((frame) => frame.type === 'call');
  }

  /** The answer to a Ping: all that the worker wrote before has come as well. */
  async ping() {
    const nonce = String(this.nextId++);
    this.send({ type: 'ping', nonce });
    return this.frame('a pong', (frame) => frame.type === 'pong' && frame.nonce === nonce);
  }

  marked(slot) {
    const bytes = Buffer.alloc(8);
    fs.readSync(this.board, bytes, 0, 8, slot * 8);
    return Number(bytes.readBigUInt64LE());
  }
}
