'use strict';
// Imports the handlers of a version and says, for their authors, why one cannot be served.
//
// In: the `Load` frame's root and handlers. Out: a table to call them by, or problems, each with its
// file (relative to the root, with a line where one is known), what is wrong, and a hint.

const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { Problems } = require('./problems.cjs');
const { Habit } = require('./queue.cjs');
const { kindOf } = require('./words.cjs');

/** What each kind of handler looks like, and how many arguments its process has before the context. */
const KINDS = {
  route: { args: 2, example: 'async (request, response) => { … }' },
  subscriber: { args: 1, example: 'async (message) => { … }' },
  cron: { args: 0, example: 'async () => { … }' },
  function: { args: 1, example: 'async (payload) => { … }' },
  socket: { args: 1, example: 'async ({ connection_id }) => { … }' },
};

/** A handler that can be called. */
class Handler {
  constructor({ path: identity, kind }, owner, middlewares) {
    this.path = identity;
    this.isRoute = kind === 'route';
    this.isFunction = kind === 'function';
    this.isCron = kind === 'cron';
    this.isSocket = kind === 'socket';
    this.owner = owner; // `this` within process, as for a method of the module
    this.process = owner.process;
    this.middlewares = middlewares;
    this.ends = new Habit();
    this.endsOnceAnswered = new Habit();
    this.wantsContext = this.process.length > KINDS[kind].args;
  }

  runRoute(request, response, context) {
    const { process, owner } = this;
    return this.wantsContext ? process.call(owner, request, response, context) : process.call(owner, request, response);
  }

  /** A subscriber's message, a function's argument, what a socket's client did. */
  run(payload, context) {
    const { process, owner } = this;
    if (this.isCron) return this.wantsContext ? process.call(owner, context) : process.call(owner);
    return this.wantsContext ? process.call(owner, payload, context) : process.call(owner, payload);
  }
}

/**
 * All handlers, in order; with problems, the table has gaps. One after the other, each announced with
 * `begin(place)`: so it is known which of them blocks or ends the process.
 */
async function load(root, handlers, begin) {
  const found = new Map();
  const problems = new Problems(root);
  const table = [];
  for (const [place, handler] of handlers.entries()) {
    begin(place);
    try {
      table.push(toHandler(handler, await import(pathToFileURL(path.join(root, handler.file)).href)));
    } catch (error) {
      const problem =
        error instanceof BadHandler
          ? { file: handler.source ?? handler.file, message: error.message }
          : problems.explain(error, handler);
      // A fault in a shared module shows in every handler that uses it: told once.
      found.set(`${problem.file}\n${problem.message}`, problem);
      table.push(undefined);
    }
  }
  return { table, problems: [...found.values()] };
}

class BadHandler extends Error {}

function toHandler(handler, module) {
  const process = module.process ?? module.default?.process;
  const owner = module.default?.process === process ? module.default : module;
  if (process === undefined || process === null) {
    throw new BadHandler(`does not export 'process'\n${hintFor(handler)}`);
  }
  if (typeof process !== 'function') {
    throw new BadHandler(`exports a 'process' that is no function but ${kindOf(process)}\n${hintFor(handler)}`);
  }
  return new Handler(handler, owner, handler.kind === 'route' ? toMiddlewares(module) : []);
}

function hintFor({ kind, source }) {
  const { example } = KINDS[kind];
  const exported = `export const process = ${source ? example : '…'}`;
  return source ? `hint: ${exported}` : `hint: exports.process = ${example}, or ${exported}`;
}

function toMiddlewares(module) {
  const middlewares = module.middlewares ?? module.default?.middlewares ?? [];
  const hint = 'hint: exports.middlewares = [(request, response, next) => { … }]';
  // It would be left out without a word, and it may be the one that asks for a password.
  if ((module.middleware ?? module.default?.middleware) !== undefined) {
    throw new BadHandler(`exports 'middleware', which is not used; did you mean 'middlewares'?\n${hint}`);
  }
  if (!Array.isArray(middlewares)) {
    throw new BadHandler(`exports 'middlewares' that are no array but ${kindOf(middlewares)}\n${hint}`);
  }
  const wrong = middlewares.findIndex((middleware) => typeof middleware !== 'function');
  if (wrong >= 0) {
    throw new BadHandler(
      `item ${wrong + 1} of 'middlewares' is no function but ${kindOf(middlewares[wrong])}\n${hint}`,
    );
  }
  return [...middlewares];
}

module.exports = { load };
