'use strict';
// Tells the load generator which handler of which order has ended, and when. Every system that runs on Node.js uses this
// module, ours as a shared module of its project; so what measuring costs is the same for all.
//
// A line a run: `<order> <handler 0..7> <CLOCK_MONOTONIC, ns>\n`, in batches, over the Unix stream socket that COMPLETIONS
// names. Without COMPLETIONS it does nothing.

const net = require('node:net');

const BATCH = 256;
const BATCH_MS = 2;

let socket;
let timer;
let lines = '';
let waiting = 0;

function send() {
  clearTimeout(timer);
  timer = undefined;
  socket.write(lines);
  lines = '';
  waiting = 0;
}

function connect() {
  const made = net.connect(process.env.COMPLETIONS);
  made.unref();
  made.on('error', (error) => console.error(`the load generator cannot be told: ${error.message}`));
  return made;
}

/** The handler with this number has just ended for this order. */
function done(handler, order) {
  socket ??= connect();
  lines += `${order} ${handler} ${process.hrtime.bigint()}\n`;
  waiting += 1;
  if (waiting >= BATCH) send();
  else timer ??= setTimeout(send, BATCH_MS).unref();
}

exports.done = process.env.COMPLETIONS ? done : () => {};
