'use strict';
// Runs handlers and settles each invocation: from an Invoke to its Reply.
//
// In: Invokes, Withdraws and Answers. Out: Calls, Logs, one Reply (or Returned) for each Invoke that
// nobody withdrew. An invocation ends when its handler has, and every call it started; what goes
// wrong later, or outside any, is logged and harms nobody.

const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const { performance } = require('node:perf_hooks');
const { isOfCall, toError } = require('./calls.cjs');
const { Payload } = require('./checks.cjs');
const { describe, isRetriable, render } = require('./errors.cjs');
const { ResponseTooLarge, buildRequest, runRoute, toResponse } = require('./http.cjs');
const { Log } = require('./logs.cjs');
const { toEvent, toStatus } = require('./sockets.cjs');

/** What waited longer than this is handed back: the server may have given it to another worker. */
const STALE_MS = 500;

const THREW = 1;
const THREW_NOT_RETRIABLE = 2;
const TOO_LARGE = 3;

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
    this.failure = undefined; // { error }: also undefined can be thrown; or { error, isTooLarge: true }
    this.hasFailedCalls = false; // since it was last looked at
    this.unhandled = undefined; // failed calls that nobody has looked at yet: promise → error
    this.ownLog = undefined;
  }

  get log() {
    return (this.ownLog ??= new Log(this.id, this.handler.path, this.hasEnded));
  }
}

class Invocations {
  constructor(writer, board, schedule, onEnded, onIdle) {
    this.writer = writer;
    this.board = board;
    this.schedule = schedule; // a flush of the writer
    this.onEnded = onEnded; // a handler has come to its end
    this.onIdle = onIdle;
    this.storage = new AsyncLocalStorage();
    this.live = []; // by slot
    this.running = 0;
    // Calls that wait for their Answer, by number. A Map that is filled and emptied without end leaves a chain of its
    // old tables, which keeps what stood in them from being collected young; so numbers serve again, in an array.
    this.pending = [undefined];
    this.freeCalls = [];
    this.unhandledOf = new WeakMap();
  }

  /** What does not change for as long as the process lives. */
  serve(project, limits, logs) {
    this.project = project;
    this.limits = limits;
    this.results = new Payload('result', limits.response_bytes, 'its caller gets an error');
    this.logs = logs;
  }

  /** Gives the invocation, unless it is handed back. */
  begin(invoke) {
    // Marked first, looked at the clock second: so no invocation runs in two workers.
    fs.writeSync(this.board, invoke.buffer, invoke.at, 8, invoke.slot * 8);
    if (performance.now() + CLOCK_OFFSET - invoke.sentAt > STALE_MS) {
      this.giveBack(invoke);
      return undefined;
    }
    const handler = this.table[invoke.handler];
    const invocation = new Invocation(invoke.id, invoke.slot, handler);
    this.live[invoke.slot] = invocation;
    this.running += 1;
    this.storage.run(invocation, run, this, invocation, invoke);
    return invocation;
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
    this.onEnded(invocation);
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
    let reply;
    try {
      if (!invocation.failure) reply = this.toReply(invocation);
    } catch (error) {
      invocation.failure = { error, isTooLarge: isTooLarge(error) };
    }
    if (invocation.ownLog) this.logs.close(invocation.ownLog);
    if (invocation.failure) this.replyThrown(invocation.id, invocation.failure);
    else if (reply === undefined) this.writer.done(invocation.id);
    else if (invocation.handler.isRoute) this.writer.response(invocation.id, reply);
    else this.writer.result(invocation.id, reply);
    this.schedule();
    this.end(invocation);
  }

  /** What is sent of what its handler returned: of a route a response, of a function JSON, of a socket's a status. */
  toReply({ handler, result }) {
    if (handler.isRoute) return toResponse(result, this.limits.response_bytes);
    if (handler.isFunction) return this.results.toJson(handler.path, result === undefined ? null : result);
    if (handler.isSocket) return toStatus(result);
    return undefined;
  }

  replyThrown(id, { error, isTooLarge }) {
    const status = isTooLarge ? TOO_LARGE : isRetriable(error) ? THREW : THREW_NOT_RETRIABLE;
    this.writer.threw(id, status, describe(error));
  }

  end(invocation) {
    invocation.hasEnded = true;
    if (this.live[invocation.slot] === invocation) this.live[invocation.slot] = undefined;
    this.running -= 1;
    if (this.running === 0) this.onIdle();
  }

  /** A Call; a promise of what is answered. It rejects with the error. */
  call(invocation, service, target, options, payload) {
    const id = this.send(invocation, service, target, options, payload);
    return new Promise((resolve, reject) => (this.pending[id] = { invocation, resolve, reject }));
  }

  /** A Call; a promise of its Answer, be it `value` or `error`. */
  ask(invocation, service, target, options, payload) {
    const id = this.send(invocation, service, target, options, payload);
    return new Promise((resolve) => (this.pending[id] = { invocation, resolve, reject: undefined }));
  }

  send(invocation, service, target, options, payload) {
    const id = this.freeCalls.pop() ?? this.newCall();
    invocation.calls += 1;
    this.writer.call(id, invocation.id, service, target, options, payload);
    this.schedule();
    return id;
  }

  newCall() {
    this.pending.push(undefined);
    return this.pending.length - 1;
  }

  /** Gives the invocation that goes on. */
  answer(answer) {
    const waiting = this.pending[answer.call];
    if (!waiting) return undefined;
    this.pending[answer.call] = undefined;
    this.freeCalls.push(answer.call);
    const { invocation, resolve, reject } = waiting;
    invocation.calls -= 1;
    if (answer.error) invocation.hasFailedCalls = true;
    if (!reject) resolve(answer);
    else if (answer.error) reject(toError(answer.error));
    else resolve(answer.value);
    // Once this turn's continuations have run: they may call again.
    if (invocation.isDone && invocation.calls === 0) {
      this.storage.run(invocation, setImmediate, () => this.settle(invocation, false));
    }
    return invocation;
  }

  /** A rejection that nobody handles, so far. */
  unhandledRejection(error, promise) {
    const invocation = this.storage.getStore();
    if (invocation && !invocation.hasEnded && isOfCall(error)) {
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

/** One invocation, within its own asynchronous context. It never throws. */
function run(invocations, invocation, invoke) {
  const failed = (error) => invocations.done(invocation, undefined, { error });
  try {
    const { handler } = invocation;
    const context = handler.wantsContext ? invoke.context(invocations.project, handler.path) : undefined;
    let response;
    let returned;
    if (handler.isRoute) {
      const request = buildRequest(invoke);
      response = { statusCode: 200, headers: {}, body: '' };
      invoke.release();
      returned =
        handler.middlewares.length === 0
          ? handler.runRoute(request, response, context)
          : runRoute(handler, request, response, context);
    } else {
      const payload = handler.isCron ? undefined : invoke.payload();
      invoke.release();
      returned = handler.run(handler.isSocket ? toEvent(payload) : payload, context);
    }
    // Every promise costs what its asynchronous context does: this is one, where an async function has two.
    Promise.resolve(returned).then((result) => invocations.done(invocation, result ?? response, undefined), failed);
  } catch (error) {
    failed(error);
  }
}

/** Of what a handler returned. */
function isTooLarge(error) {
  return error instanceof ResponseTooLarge || error?.code === 'result_too_large';
}

module.exports = { Invocations };
