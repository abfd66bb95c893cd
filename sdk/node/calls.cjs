'use strict';
// What handlers ask of the server: publishes, function calls, key-values, messages to sockets, files.
//
// In: arguments as handlers give them; checked, they become Calls. Out: promises of what is answered.
// What is refused here rejects as what the server refuses does: both are calls that failed.

const {
  Payload,
  checkKey,
  checkPath,
  checkPathPrefix,
  checkPrefix,
  filesListOptions,
  incrementOptions,
  listOptions,
  publishOptions,
  readOptions,
  setOptions,
  urlOptions,
} = require('./checks.cjs');
const { FILES, FUNCTION, KVS, PUBLISH, SOCKETS } = require('./codec.cjs');
const { CallError, FunctionError, NonRetriableError } = require('./index.cjs');
const { toOptions } = require('./sockets.cjs');

/** What the SDK is connected with: each topic, socket and function of the project, and the methods of `kvs` and `files`. */
function createCalls(invocations, { topics, functions, sockets, limits }) {
  const message = new Payload('message', limits.message_bytes, 'nothing was published');
  const argument = new Payload('argument', limits.response_bytes, 'nothing was called');
  return {
    topics: topics.map((name) => [name, { publish: publisher(invocations, name, message, publishOptions(limits)) }]),
    functions: functions.map((name) => [name, caller(invocations, name, argument)]),
    sockets: sockets.map((name) => [name, createSocket(invocations, name, limits)]),
    kvs: createKvs(invocations, limits),
    files: createFiles(invocations),
  };
}

/** `topics.<name>.publish`: a promise of `{ id }`. The call that is made most: it has no promise beside its own. */
function publisher(invocations, name, message, checks) {
  const what = `topics.${name}.publish`;
  return (given, options) => {
    const invocation = invocations.storage.getStore();
    try {
      check(what, invocation);
      const payload = message.toJson(what, given);
      const how = options === undefined ? '' : toText(readOptions(what, options, checks));
      return invocations.call(invocation, PUBLISH, name, how, payload);
    } catch (error) {
      return Promise.reject(refused(invocation, error));
    }
  };
}

/** `functions.<name>`: a promise of the result. */
function caller(invocations, name, argument) {
  const what = `functions.${name}`;
  return asking(invocations, what, FUNCTION, name, (payload = null) => ['', argument.toJson(what, payload)]);
}

/** `sockets.<name>`: each method gives a promise of `{ sent, gone }`. */
function createSocket(invocations, name, limits) {
  const message = new Payload('message', limits.socket_message_bytes, 'nothing was sent');
  const method = (verb, options) => {
    const what = `sockets.${name}.${verb}`;
    const prepare = (given, connections) => [options(what, connections), message.toJson(what, given)];
    return asking(invocations, what, SOCKETS, name, prepare);
  };
  return { publish: method('publish', toOptions), broadcast: method('broadcast', () => '') };
}

/** Options that name nothing are none. */
function toText(options) {
  const text = JSON.stringify(options);
  return text === '{}' ? '' : text;
}

function createKvs(invocations, limits) {
  const values = new Payload('value', limits.value_bytes, 'nothing was set');
  const listChecks = listOptions(limits);
  const keyed = (what, key, options) => {
    checkKey(what, key, limits.key_bytes);
    return JSON.stringify({ key, ...options });
  };
  const method = (name, operation, prepare, read) => {
    const what = `kvs.${name}`;
    return asking(invocations, what, KVS, operation, (...given) => prepare(what, ...given), read);
  };
  return {
    get: method(
      'get',
      'get',
      (what, key) => [keyed(what, key)],
      (found) => (found === null ? null : found.value),
    ),
    get_with_version: method('get_with_version', 'get', (what, key) => [keyed(what, key)]),
    set: method('set', 'set', (what, key, value, how = {}) => {
      const options = typeof how === 'object' && how !== null ? how : { ttl: how };
      return [keyed(what, key, readOptions(what, options, setOptions)), values.toJson(what, value)];
    }),
    delete: method('delete', 'delete', (what, key) => [keyed(what, key)]),
    increment: method('increment', 'increment', (what, key, by = 1) => [
      keyed(what, key, readOptions(what, { by }, incrementOptions)),
    ]),
    list: method('list', 'list', (what, prefix = '', options = {}) => {
      checkPrefix(what, prefix, limits.key_bytes);
      return [JSON.stringify({ key: prefix, ...readOptions(what, options, listChecks) })];
    }),
  };
}

function createFiles(invocations) {
  const method = (name, prepare) => {
    const what = `files.${name}`;
    return asking(invocations, what, FILES, name, (...given) => [JSON.stringify(prepare(what, ...given))]);
  };
  const url = (what, path, options = {}) => {
    checkPath(what, path);
    return { path, ...readOptions(what, options, urlOptions) };
  };
  return {
    create_upload_url: method('create_upload_url', url),
    get_url: method('get_url', url),
    list: method('list', (what, prefix = '', options = {}) => {
      checkPathPrefix(what, prefix);
      return { path: prefix, ...readOptions(what, options, filesListOptions) };
    }),
    delete: method('delete', (what, path) => {
      checkPath(what, path);
      return { path };
    }),
  };
}

/**
 * A call of the SDK: `prepare(…arguments)` gives its options and payload, or throws; `read` makes the
 * result of what is answered. An error is made after the await, so that its stack has those who wait for it.
 */
function asking(invocations, what, service, target, prepare, read) {
  return async (...given) => {
    const invocation = invocations.storage.getStore();
    let answered;
    try {
      check(what, invocation);
      const [options, payload = ''] = prepare(...given);
      answered = invocations.ask(invocation, service, target, options, payload);
    } catch (error) {
      throw refused(invocation, error);
    }
    const { value, error } = await answered;
    if (error) throw toError(error);
    return read ? read(value) : value;
  };
}

function check(what, invocation) {
  if (!invocation) {
    throw new CallError('no_invocation', `${what} was called outside any invocation; call it from a handler's process`);
  }
  if (invocation.hasEnded || invocation.isClosed) {
    throw new CallError('invocation_ended', `${what} was called after its invocation ended; await what process starts`);
  }
}

function refused(invocation, error) {
  if (invocation) invocation.hasFailedCalls = true;
  return error;
}

/** What a handler is told of a call that the server refused, or whose function threw. */
function toError({ code, message, name }) {
  if (code !== 'function_failed') return new CallError(code, message);
  if (name !== 'NonRetriableError') return new FunctionError(message, name);
  return Object.assign(new NonRetriableError(message), { code });
}

/** Whether a call failed with this. */
function isOfCall(error) {
  return error instanceof CallError || (error instanceof NonRetriableError && error.code === 'function_failed');
}

module.exports = { createCalls, isOfCall, toError };
