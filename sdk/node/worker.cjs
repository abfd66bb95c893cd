'use strict';
// The process that runs a project's handlers: `node worker.cjs`, started by the server.
//
// In: frames from the inherited socket LESS_FD; the board LESS_BOARD_FD. Out: frames. It keeps nothing:
// what it had not answered when it ends, the server knows. Reading order: here, queue.cjs, invocations.cjs, codec.cjs.

const fs = require('node:fs');
const net = require('node:net');
const { createCalls } = require('./calls.cjs');
const codec = require('./codec.cjs');
const errors = require('./errors.cjs');
const { Invocations } = require('./invocations.cjs');
const { load } = require('./load.cjs');
const { Logs } = require('./logs.cjs');
const { Queue } = require('./queue.cjs');

const { connect } = globalThis[Symbol.for('chuva.io/less')];
const fd = inherited('LESS_FD');
const board = inherited('LESS_BOARD_FD');

const reader = new codec.FrameReader(take, (buffer) => queue.keeps(buffer));
const writer = new codec.FrameWriter(send);
const invocations = new Invocations(writer, board, schedule, (invocation) => queue.ended(invocation), exitWhenStopped);
const queue = new Queue(invocations, schedule, () => writer.flush(), die);
const logs = new Logs(writer, () => invocations.storage.getStore()?.log, schedule);

let isScheduled = false;
let isStopping = false;
let isOver = false; // nothing more is written

function inherited(name) {
  const value = process.env[name];
  if (!/^\d+$/.test(value ?? '')) {
    process.stderr.write(`[less] ${name} is missing: the server starts this program, not a person\n`);
    process.exit(2);
  }
  // Neither handlers nor the programs they start have a use for it.
  delete process.env[name];
  return Number(value);
}

/** Frames of one turn leave in one write. */
function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(flush);
}

function flush() {
  isScheduled = false;
  writer.flush();
  queue.turned();
}

/** Straight to the socket: a stream's own way there costs more than the write. What it does not take waits in the stream. */
function send(bytes) {
  if (isOver) return true;
  if (socket.writableLength === 0) {
    const written = writeNow(bytes);
    if (written === bytes.length) return true;
    bytes = bytes.subarray(written);
  }
  socket.write(bytes);
  return socket.writableLength === 0;
}

function writeNow(bytes) {
  try {
    return fs.writeSync(fd, bytes);
  } catch (error) {
    if (error.code === 'EAGAIN') return 0;
    process.exit(0); // the server is gone
  }
}

function take(type, buffer, at, end) {
  switch (type) {
    case codec.INVOKE:
      invoke(new codec.Invoke(buffer, at, end));
      break;
    case codec.ANSWER:
      queue.push(codec.readAnswer(buffer, at, end));
      break;
    case codec.WITHDRAW:
      withdraw(codec.u64(buffer, at));
      break;
    case codec.PING:
      writer.pong(buffer.readBigUInt64LE(at));
      schedule();
      break;
    case codec.LOAD:
      start(codec.json(buffer, at, end)).catch(die);
      break;
    case codec.STOP:
      stop();
      break;
    default:
      throw new RangeError(`a frame of type ${type}`);
  }
}

async function start({ version, project, root: given, handlers, topics, functions, sockets = [], limits }) {
  if (version !== codec.VERSION) {
    throw new Error(`the server speaks version ${version} of the protocol, this worker ${codec.VERSION}`);
  }
  const root = fs.realpathSync(given);
  errors.setRoot(root);
  logs.limits = limits;
  invocations.serve(project, limits, logs);
  connect(createCalls(invocations, { topics, functions, sockets, limits }));
  const { table, problems } = await load(root, handlers, (place) => fs.writeSync(board, markOf(place + 1), 0, 8, 0));
  invocations.table = table;
  writer.loaded(problems);
  schedule();
}

/** What stands in a slot of the board. */
function markOf(number) {
  const mark = Buffer.alloc(8);
  mark.writeUInt32LE(number);
  return mark;
}

function withdraw(id) {
  if (!queue.withdraw(id)) invocations.withdraw(id);
}

function invoke(work) {
  if (isStopping) invocations.giveBack(work);
  else queue.push(work);
}

/** What runs may finish; what has not begun goes elsewhere. */
function stop() {
  isStopping = true;
  for (const work of queue.takeInvokes()) invocations.giveBack(work);
  exitWhenStopped();
}

/** Handlers' timers and connections do not keep a stopped worker alive. */
function exitWhenStopped() {
  if (!isStopping || isOver || invocations.running > 0) return;
  writer.flush();
  isOver = true;
  socket.end(() => process.exit(0));
}

function die(error) {
  fs.writeSync(2, `[less] the worker cannot go on: ${errors.render(error)}\n`);
  process.exit(1);
}

logs.install();
process.on('uncaughtException', (error) => invocations.uncaught(error));
process.on('unhandledRejection', (error, promise) => invocations.unhandledRejection(error, promise));
process.on('rejectionHandled', (promise) => invocations.rejectionHandled(promise));
// When to end is the server's to say: a signal to the whole group must not cut handlers short.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
// A handler that calls process.exit() has its last lines logged, as far as the socket takes them at once.
process.on('exit', () => {
  if (isOver || socket.writableLength > 0) return;
  try {
    fs.writeSync(fd, writer.pending);
  } catch {
    // The server is gone, or does not read: nobody would see them.
  }
});

const socket = new net.Socket({
  fd,
  readable: true,
  writable: true,
  onread: {
    buffer: () => reader.room(),
    callback(count) {
      try {
        reader.received(count);
      } catch (error) {
        die(error);
      }
      queue.run();
      return true;
    },
  },
});
socket.on('error', () => process.exit(0));
socket.on('close', () => process.exit(0));
socket.on('end', () => process.exit(0));
