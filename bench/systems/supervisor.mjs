// Starts the processes of one system, says which they are, and ends them all on SIGTERM. What a system's `start.mjs`
// prints is for the load generator: `pid <role> <pid>` for each process, `base <path>` if its routes are not at the root,
// and `ready` once a request is served.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LOOK_AGAIN_MS = 5;
const START_MS = 60_000;
const END_MS = 10_000;

export const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/** What the load generator asks for. */
export const settings = {
  port: Number(required('PORT')),
  state: path.resolve(required('STATE')),
  concurrency: Number(process.env.CONCURRENCY || 64),
  sync: (process.env.DURABILITY || 'sync') === 'sync',
  processes: Number(process.env.PROCESSES || 0),
};

function required(name) {
  if (process.env[name]) return process.env[name];
  console.error(`${name} is not set; bench/README.md says what a system is started with`);
  process.exit(2);
}

const processes = [];
const endings = [];
let ending = false;

/** Starts a process of the system; what it prints goes to `output`, a file in the state folder. */
export function start(role, command, args, { output, env = {} }) {
  const file = fs.openSync(path.join(settings.state, output), 'a');
  const child = spawn(command, args, {
    cwd: settings.state,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', file, output === 'handlers.log' ? 'inherit' : file],
  });
  fs.closeSync(file);
  child.on('error', (error) => fail(`${command} cannot be started: ${error.message}; has bench/install been run?`));
  child.on('exit', (code, signal) => ending || fail(`${role} ended (${signal ?? code}); see ${path.join(settings.state, output)}`));
  processes.push(child);
  tellProcess(role, child.pid);
}

export const tellProcess = (role, pid) => console.log(`pid ${role} ${pid}`);

/** Starts the system's own Node.js program: handlers' lines go to `handlers.log`, as in `node app.mjs > handlers.log`. */
export const startNode = (role, file, env) => start(role, process.execPath, [file], { output: 'handlers.log', env });

/** Starts a peer's program: `app.mjs`, or in two processes `workers.mjs` and `front.mjs`; `best` is how many unless told. */
export function startApp(system, brokers, { best }) {
  const env = { ...brokers, CONCURRENCY: settings.concurrency };
  if ((settings.processes || best) === 2) {
    startNode('worker', here(`${system}/workers.mjs`), env);
    startNode('front', here(`${system}/front.mjs`), env);
  } else {
    startNode('front', here(`${system}/app.mjs`), env);
  }
}

/** Has something done when the system ends, beside ending its processes. */
export const whenEnding = (action) => endings.push(action);

/** A port that is free now. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until this URL answers 200. */
export const answers = (url) => until(`${url} answers`, async () => (await fetch(url)).ok);

/** Waits until something listens at this port, or at this path. */
export const connects = (where) =>
  until(`something listens at ${where.port ?? where.path}`, () => new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', ...where });
    socket.on('connect', () => resolve(socket.destroy()));
    socket.on('error', reject);
  }));

async function until(fact, holds) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    if (await Promise.resolve(holds()).catch(() => false)) return;
    await pause(LOOK_AGAIN_MS);
  }
  fail(`after ${START_MS / 1000} s it is not so that ${fact}`);
}

/** Says that requests are served, once they are, and stays. */
export async function ready(base = '') {
  await answers(`http://127.0.0.1:${settings.port}${base}/hello`);
  if (base) console.log(`base ${base}`);
  console.log('ready');
}

function fail(reason) {
  console.error(reason);
  end(1);
}

async function end(code) {
  if (ending) return;
  ending = true;
  for (const action of endings) {
    try {
      await action();
    } catch (error) {
      console.error(error.message);
      code = 1;
    }
  }
  for (const child of processes.reverse()) await endProcess(child);
  process.exit(code);
}

async function endProcess(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await ended;
  clearTimeout(killer);
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => end(0));
process.on('uncaughtException', (error) => fail(error.stack));
setInterval(() => {}, 1 << 30); // stays, also when its processes are not its children
