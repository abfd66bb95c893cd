'use strict';
// The SDK: what `require('@chuva.io/less')` gives a handler.
//
// In: the worker connects it, with what each name of the project does. Out: `topics` and its siblings.
// Without a worker (a unit test of a handler) it can be imported, and its calls say why they fail. One
// set of objects per process, however often and by whichever path it is loaded.

const { unknown } = require('./words.cjs');

const KEY = Symbol.for('chuva.io/less');
const KVS = ['get', 'set', 'delete', 'increment', 'list', 'get_with_version'];
const FILES = ['create_upload_url', 'get_url', 'list', 'delete'];

/** `throw new NonRetriableError('…')` in a subscriber: the delivery is not tried again. */
class NonRetriableError extends Error {}
NonRetriableError.prototype.name = 'NonRetriableError';

/** Why a call of the SDK failed; `code` is stable. */
class CallError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
CallError.prototype.name = 'CallError';

/** What a called function threw: its message, and its error's name. */
class FunctionError extends CallError {
  constructor(message, name) {
    super('function_failed', message);
    if (name) Object.defineProperty(this, 'name', { value: name, writable: true, configurable: true });
  }
}
FunctionError.prototype.name = 'FunctionError';

// Asked for by `await`, JSON.stringify and the like: must be absent, never an error.
const ABSENT = new Set(['then', 'constructor', '__proto__', 'toJSON']);
const isAbsent = (name) => typeof name === 'symbol' || ABSENT.has(name) || name in Object.prototype;

/** An object whose missing properties are made, or refused, by `missing(name)`. Its own cost nothing. */
function withMissing(missing, isOfLanguage = isAbsent) {
  const get = (_, name) => (isOfLanguage(name) ? Object.prototype[name] : missing(name));
  return Object.create(new Proxy({}, { get }));
}

/** A call where no worker is; `instead` replaces it in a test. */
function outside(what, instead) {
  return () =>
    Promise.reject(
      new CallError(
        'not_in_less',
        `${what} works only in a handler that Less runs (less-cli run or deploy); in a test, replace it: ${instead}`,
      ),
    );
}

/**
 * Names of the project, each with what it stands for; before a worker says, `made(name)`. Once it has, a name is one
 * of the project's or an error, also where every object has something of that name: `functions[name](…)` with
 * `constructor` would else call that, and nobody would know.
 */
function named(one, made) {
  let names;
  const isOfLanguage = (name) =>
    names ? typeof name === 'symbol' || name === 'then' || name === 'toJSON' : isAbsent(name);
  const missing = (name) => {
    if (!names) return made(name);
    const subject = `there is no ${one}`;
    const none = `${subject} '${name}': the project has none; create the folder less/${one}s/${name}`;
    const message = names.length === 0 ? none : unknown(subject, name, `The project's ${one}s`, names);
    throw new CallError(`unknown_${one}`, message);
  };
  const object = withMissing(missing, isOfLanguage);
  // As text it is an object like any other, though `toString` may be a name.
  Object.defineProperty(object, Symbol.toPrimitive, { value: () => '[object Object]' });
  /** `a-b` can be written `a_b` as well. */
  const connect = (entries) => {
    names = entries.map(([name]) => name);
    for (const [name, value] of entries) put(object, name, value, name.replaceAll('-', '_'));
  };
  return { object, connect };
}

function put(object, name, value, alias) {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  if (alias !== name) Object.defineProperty(object, alias, { value, writable: true, configurable: true });
}

/** A thing with methods of these names: `kvs`, `files`. */
function withMethods(thing, names) {
  const object = withMissing((name) => {
    throw new CallError('unknown_method', unknown(`${thing} has no method`, name, 'Its methods', names));
  });
  const connect = (methods) => {
    for (const name of names) put(object, name, methods[name], camelCase(name));
  };
  const instead = (name) => outside(`${thing}.${name}`, `${thing}.${name} = async () => null`);
  connect(Object.fromEntries(names.map((name) => [name, instead(name)])));
  return { object, connect };
}

const camelCase = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

function create() {
  const topics = named('topic', (name) => ({
    publish: outside(`topics.${name}.publish`, `topics.${name} = { publish: async () => ({ id: '1' }) }`),
  }));
  const functions = named('function', (name) =>
    outside(`functions.${name}`, `functions.${name} = async (payload) => ({ … })`),
  );
  const sockets = named('socket', (name) => ({
    publish: outside(`sockets.${name}.publish`, `sockets.${name} = { publish: async () => ({ sent: 1, gone: [] }) }`),
    broadcast: outside(
      `sockets.${name}.broadcast`,
      `sockets.${name} = { broadcast: async () => ({ sent: 1, gone: [] }) }`,
    ),
  }));
  const kvs = withMethods('kvs', KVS);
  const files = withMethods('files', FILES);

  /** Called once by the worker, before it loads handlers: what each name and method does. */
  function connect(calls) {
    topics.connect(calls.topics);
    functions.connect(calls.functions);
    sockets.connect(calls.sockets);
    kvs.connect(calls.kvs);
    files.connect(calls.files);
  }

  const sdk = {
    topics: topics.object,
    sockets: sockets.object,
    functions: functions.object,
    kvs: kvs.object,
    files: files.object,
    NonRetriableError,
    CallError,
    FunctionError,
  };
  return { sdk, connect };
}

globalThis[KEY] ??= create();
module.exports = globalThis[KEY].sdk;
