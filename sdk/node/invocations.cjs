'use strict';
// Runs handlers and settles each invocation: from an Invoke to its Reply.
//
// In: Invokes, Withdraws and Answers. Out: Calls, Logs, one Reply (or Returned) for each Invoke that
// nobody withdrew. An invocation ends when its handler has, and every call it started; what goes
// wrong later, or outside any, is logged and harms nobody.

const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const { performance } = require('node:perf_hooks');
const { PUBLISH } = require('./codec.cjs');
const { describe, isRetriable, render } = require('./errors.cjs');
const { ResponseTooLarge, buildRequest, runRoute, toResponse } = require('./http.cjs');
const { Log } = require('./logs.cjs');
require('./index.cjs');
const { CallError } = globalThis[Symbol.for('chuva.io/less')];

/** What waited longer than this is handed back: the server may have given it to another worker. */
const STALE_MS = 500;

const THREW = 1;
const THREW_NOT_RETRIABLE = 2;
const RESPONSE_TOO_LARGE = 3;

// performance.now() and CLOCK_MONOTONIC tick alike, from different beginnings.
const CLOCK_OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

class Invocation {
  constructor(id, slot, handler) {
    this.id = id;
    this.slot = slot;
    this.handler = handler;
    this.calls = 0; // begun and not answered
    this.isDone = false; // its handler has come to an end
    this.isClosed = false; // it failed from outside its handler, and may call nothing more
    this.hasEnded = false; // replied, or withdrawn
    this.result = undefined;
    this.failure = undefined; // { error }: also undefined can be thrown
    this.hasFailedCalls = false; // since it was last looked at
    this.unhandled = undefined; // failed calls that nobody has looked at yet: promise → error
    this.ownLog = undefined;
  }

  get log() {
    return (this.ownLog ??= new Log(this.id, this.handler.path, this.hasEnded));
  }
}

class Invocations {
  constructor(writer, board, schedule, onIdle) {
    this.writer = writer;
    this.board = board;
    this.mark = Buffer.alloc(8);
    this.schedule = schedule; // a flush of the writer
    this.onIdle = onIdle;
    this.storage = new AsyncLocalStorage();
    this.live = []; // by slot
    this.running = 0;
    this.pending = new Map(); // calls that wait for their Answer
    this.nextCall = 1;
    this.unhandledOf = new WeakMap();
    this.publish = this.publish.bind(this);
  }

  /** What does not change for as long as the process lives. */
  serve(project, limits, logs) {
    this.project = project;
    this.limits = limits;
    this.logs = logs;
  }

  begin(invoke) {
    const { mark } = this;
    invoke.writeId(mark);
    // Marked first, looked at the clock second: so no invocation runs in two workers.
    fs.writeSync(this.board, mark, 0, 8, invoke.slot * 8);
    if (performance.now() + CLOCK_OFFSET - invoke.sentAt > STALE_MS) return this.giveBack(invoke);
    const handler = this.table[invoke.handler];
    const invocation = new Invocation(invoke.id, invoke.slot, handler);
    this.live[invoke.slot] = invocation;
    this.running += 1;
    this.storage.run(invocation, run, this, invocation, invoke);
  }

  giveBack(invoke) {
    this.writer.returned(invoke.id);
    this.schedule();
  }

  /** Nobody waits for it any more; if it has begun, it runs on unheard. */
  withdraw(id) {
    const invocation = this.live.find((one) => one?.id === id);
    if (!invocation) return;
    if (invocation.ownLog) this.logs.close(invocation.ownLog);
    this.end(invocation);
  }

  /** Its handler has returned (`failure` undefined) or thrown. */
  done(invocation, result, failure) {
    if (invocation.isClosed) return;
    invocation.isDone = true;
    invocation.result = result;
    invocation.failure = failure;
    if (invocation.calls === 0) this.settle(invocation, false);
  }

  /** Something it started threw where its handler could not catch it. */
  fail(invocation, error) {
    if (invocation.isClosed) return this.tell(invocation, 'a further error', error);
    if (invocation.failure) this.tell(invocation, 'the handler threw', invocation.failure.error);
    invocation.isDone = true;
    invocation.isClosed = true;
    invocation.failure = { error };
    if (invocation.calls === 0) this.settle(invocation, false);
  }

  /** `waited`: a turn has passed, in which Node told of rejections that nobody handles. */
  settle(invocation, waited) {
    if (invocation.hasEnded || invocation.calls > 0) return;
    if (invocation.hasFailedCalls || (invocation.unhandled?.size > 0 && !waited)) {
      invocation.hasFailedCalls = false;
      setImmediate(() => this.settle(invocation, true));
      return;
    }
    for (const error of invocation.unhandled?.values() ?? []) {
      if (invocation.failure) this.tell(invocation, 'a call failed that nobody awaited', error);
      else invocation.failure = { error };
    }
    const reply = invocation.failure ? undefined : this.toReply(invocation);
    if (invocation.ownLog) this.logs.close(invocation.ownLog);
    if (invocation.failure) this.replyThrown(invocation.id, invocation.failure.error);
    else if (reply) this.writer.response(invocation.id, reply);
    else this.writer.done(invocation.id);
    this.schedule();
    this.end(invocation);
  }

  toReply(invocation) {
    if (!invocation.handler.isRoute) return undefined;
    try {
      return toResponse(invocation.result, this.limits.response_bytes);
    } catch (error) {
      invocation.failure = { error };
      return undefined;
    }
  }

  replyThrown(id, error) {
    const status =
      error instanceof ResponseTooLarge ? RESPONSE_TOO_LARGE : isRetriable(error) ? THREW : THREW_NOT_RETRIABLE;
    this.writer.threw(id, status, describe(error));
  }

  end(invocation) {
    invocation.hasEnded = true;
    if (this.live[invocation.slot] === invocation) this.live[invocation.slot] = undefined;
    this.running -= 1;
    if (this.running === 0) this.onIdle();
  }

  /** `topics.<name>.publish`: a promise of `{ id }`. */
  publish(topic, message, options) {
    const invocation = this.storage.getStore();
    try {
      const what = `topics.${topic}.publish`;
      check(what, invocation, options);
      return this.call(invocation, PUBLISH, topic, this.toJson(what, message));
    } catch (error) {
      if (invocation) invocation.hasFailedCalls = true;
      return Promise.reject(error);
    }
  }

  toJson(what, message) {
    let text;
    try {
      text = JSON.stringify(message);
    } catch (cause) {
      const error = new CallError(
        'message_not_json',
        `${what}: the message cannot be written as JSON: ${cause?.message}`,
      );
      error.cause = cause;
      throw error;
    }
    if (text === undefined) {
      throw new CallError(
        'message_not_json',
        `${what}: a message must be a value that JSON has, not ${describeType(message)}`,
      );
    }
    const limit = this.limits.message_bytes;
    // A UTF-16 unit takes at most three bytes: short texts need no counting.
    const size = text.length * 3 <= limit ? 0 : Buffer.byteLength(text);
    if (size > limit) {
      const bytes = (count) => `${count.toLocaleString('en-US')} bytes`;
      throw new CallError(
        'message_too_large',
        `${what}: the message has ${bytes(size)}, the limit is ${bytes(limit)}; nothing was published`,
      );
    }
    return text;
  }

  call(invocation, service, target, payload) {
    const id = this.nextCall++;
    invocation.calls += 1;
    this.writer.call(id, invocation.id, service, target, payload);
    this.schedule();
    return new Promise((resolve, reject) => this.pending.set(id, { invocation, resolve, reject }));
  }

  answer({ call, value, error }) {
    const waiting = this.pending.get(call);
    if (!waiting) return;
    this.pending.delete(call);
    const { invocation } = waiting;
    invocation.calls -= 1;
    if (error) {
      invocation.hasFailedCalls = true;
      waiting.reject(new CallError(error.code, error.message));
    } else {
      waiting.resolve(value);
    }
    // Once this turn's continuations have run: they may call again.
    if (invocation.isDone && invocation.calls === 0) setImmediate(() => this.settle(invocation, false));
  }

  /** A rejection that nobody handles, so far. */
  unhandledRejection(error, promise) {
    const invocation = this.storage.getStore();
    if (invocation && !invocation.hasEnded && error instanceof CallError) {
      // It may yet be awaited (`a = publish(1); b = publish(2); await a; await b`): judged at the end.
      (invocation.unhandled ??= new Map()).set(promise, error);
      this.unhandledOf.set(promise, invocation);
    } else {
      this.uncaught(error);
    }
  }

  rejectionHandled(promise) {
    this.unhandledOf.get(promise)?.unhandled.delete(promise);
  }

  uncaught(error) {
    const invocation = this.storage.getStore();
    if (invocation && !invocation.hasEnded) this.fail(invocation, error);
    else this.tell(invocation, 'uncaught', error);
  }

  tell(invocation, what, error) {
    this.logs.print(invocation?.log ?? this.logs.common, 1, `[less] ${what}: ${render(error)}`);
  }
}

/** One invocation, within its own asynchronous context. It never rejects. */
async function run(invocations, invocation, invoke) {
  const { handler } = invocation;
  try {
    const context = handler.wantsContext ? invoke.context(invocations.project, handler.path) : undefined;
    let result;
    if (handler.isRoute) {
      const request = buildRequest(invoke);
      const response = { statusCode: 200, headers: {}, body: '' };
      invoke.release();
      result =
        handler.middlewares.length === 0
          ? await handler.runRoute(request, response, context)
          : await runRoute(handler, request, response, context);
      result ??= response;
    } else {
      const message = invoke.message();
      invoke.release();
      await handler.runSubscriber(message, context);
    }
    invocations.done(invocation, result, undefined);
  } catch (error) {
    invocations.done(invocation, undefined, { error });
  }
}

function check(what, invocation, options) {
  if (!invocation) {
    throw new CallError('no_invocation', `${what} was called outside any invocation; call it from a handler's process`);
  }
  if (invocation.hasEnded || invocation.isClosed) {
    throw new CallError('invocation_ended', `${what} was called after its invocation ended; await what process starts`);
  }
  if (options !== undefined) throw new CallError('not_yet', `${what} takes no options yet`);
}

function describeType(value) {
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}

module.exports = { Invocations };
