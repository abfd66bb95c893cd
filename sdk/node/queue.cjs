'use strict';
// What waits for the event loop: Invokes to begin and Answers to hand on, in order of arrival.
//
// One after the other: the next comes when the microtasks of the one before have run, so that they count for its
// slice of time, and so that what blocks in them has nothing begun beside it that had not begun yet. A microtask for
// that costs a promise in an asynchronous context; most handlers end within the turn, so their end is the sign.

const { performance } = require('node:perf_hooks');
const { Invoke } = require('./codec.cjs');

/** How long handlers may be begun before the socket is read again: pings are answered, Withdraws heard. */
const SLICE_MS = 20;
/** How long what they have to say may wait: meanwhile the server, and who waits there, could be at work. */
const TELL_MS = 0.5;
/** How often a handler that went on past its turn is not counted upon. */
const DOUBTS = 64;

const resolved = Promise.resolve();

/** Whether handlers end within the turn, told from the last that did not. */
class Habit {
  doubts = 0;

  holds() {
    if (this.doubts === 0) return true;
    this.doubts -= 1;
    return false;
  }

  broke() {
    this.doubts = DOUBTS;
  }
}

class Queue {
  /** `schedule` has `turned` called when this turn's microtasks have run; `tell` sends what there is to say. */
  constructor(invocations, schedule, tell, die) {
    this.invocations = invocations;
    this.schedule = schedule;
    this.tell = tell;
    this.die = die;
    this.works = [];
    this.first = 0;
    this.isRunning = false;
    this.began = 0; // the slice
    this.told = 0;
    this.awaited = undefined; // the invocation whose end is the sign for the next
    this.habit = undefined; // that says so
    this.step = this.step.bind(this);
  }

  push(work) {
    this.works.push(work);
  }

  run() {
    if (this.isRunning) return;
    this.isRunning = true;
    this.began = this.told = performance.now();
    this.step();
  }

  step() {
    try {
      if (this.first === this.works.length) {
        this.works = [];
        this.first = 0;
        this.isRunning = false;
      } else {
        this.next(performance.now());
      }
    } catch (error) {
      this.die(error);
    }
  }

  next(now) {
    if (now - this.began > SLICE_MS) {
      this.works.splice(0, this.first);
      this.first = 0;
      setImmediate(() => this.resume());
      return;
    }
    if (now - this.told > TELL_MS) {
      this.tell();
      this.told = now;
    }
    this.take(this.works[this.first++]);
  }

  take(work) {
    const isInvoke = work instanceof Invoke;
    const invocation = isInvoke ? this.begin(work) : this.invocations.answer(work);
    const habit = isInvoke ? invocation?.handler.ends : invocation?.handler.endsOnceAnswered;
    if (!invocation || invocation.isDone || invocation.calls > 0 || !habit.holds()) {
      resolved.then(this.step);
    } else {
      this.awaited = invocation;
      this.habit = habit;
      this.schedule();
    }
  }

  begin(invoke) {
    return invoke.isWithdrawn ? undefined : this.invocations.begin(invoke);
  }

  /** A handler has come to its end. */
  ended(invocation) {
    if (this.awaited !== invocation) return;
    this.awaited = undefined;
    this.step();
  }

  /** The turn is over: the handler whose end was awaited goes on. */
  turned() {
    if (!this.awaited) return;
    this.awaited = undefined;
    this.habit.broke();
    this.step();
  }

  resume() {
    this.isRunning = false;
    this.run();
  }

  /** Whether an Invoke that waits is still to be read from this buffer. */
  keeps(buffer) {
    return this.works.some((work, i) => i >= this.first && work.buffer === buffer);
  }

  /** Whether it waits here: then it will not begin. */
  withdraw(id) {
    const waiting = this.works.find((work, i) => i >= this.first && work instanceof Invoke && work.id === id);
    if (waiting) waiting.isWithdrawn = true;
    return waiting !== undefined;
  }

  /** Takes out the Invokes that wait. */
  takeInvokes() {
    const waiting = this.works.slice(this.first);
    this.works = waiting.filter((work) => !(work instanceof Invoke));
    this.first = 0;
    return waiting.filter((work) => work instanceof Invoke && !work.isWithdrawn);
  }
}

module.exports = { Habit, Queue };
