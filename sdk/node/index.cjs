'use strict';
// The SDK: what `require('@chuva.io/less')` gives a handler.
//
// In: the worker connects it, with the project's topics and a way to publish. Out: `topics` and its
// siblings. Without a worker (a unit test of a handler) it can be imported, and its calls say why
// they fail. One set of objects per process, however often and by whichever path it is loaded.

const KEY = Symbol.for('chuva.io/less');

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

// Asked for by `await`, JSON.stringify and the like: must be absent, never an error.
const ABSENT = new Set(['then', 'constructor', '__proto__', 'toJSON']);
const isAbsent = (name) => typeof name === 'symbol' || ABSENT.has(name) || name in Object.prototype;

/** An object whose missing properties are made, or refused, by `missing(name)`. Its own cost nothing. */
function withMissing(missing) {
  const get = (_, name) => (isAbsent(name) ? Object.prototype[name] : missing(name));
  return Object.create(new Proxy({}, { get }));
}

function unfinished(thing) {
  return withMissing((name) => {
    throw new CallError('not_yet', `${thing}.${name}: ${thing} cannot be used yet in this version of Less`);
  });
}

function outside(topic) {
  return {
    publish: () =>
      Promise.reject(
        new CallError(
          'not_in_less',
          `topics.${topic}.publish works only in a handler that Less runs (less-cli run or deploy); ` +
            `in a test, replace it: topics.${topic} = { publish: async () => ({ id: '1' }) }`,
        ),
      ),
  };
}

function create() {
  let connected;
  const topics = withMissing((name) => {
    if (!connected) return outside(name);
    throw new CallError('unknown_topic', unknownTopic(name, connected.topics));
  });

  /** Called once by the worker, before it loads handlers. `publish(topic, message, options)` gives a promise. */
  function connect(names, publish) {
    connected = { topics: names };
    for (const name of names) {
      const topic = { publish: (message, options) => publish(name, message, options) };
      Object.defineProperty(topics, name, { value: topic, enumerable: true, writable: true, configurable: true });
      const alias = name.replaceAll('-', '_');
      if (alias !== name) Object.defineProperty(topics, alias, { value: topic, writable: true, configurable: true });
    }
  }

  const sdk = {
    topics,
    sockets: unfinished('sockets'),
    functions: unfinished('functions'),
    kvs: unfinished('kvs'),
    files: unfinished('files'),
    NonRetriableError,
  };
  return { sdk, connect, CallError };
}

function unknownTopic(name, names) {
  if (names.length === 0) {
    return `there is no topic '${name}': the project has none; create the folder less/topics/${name}`;
  }
  const nearest = names.reduce((best, other) => (distance(name, other) < distance(name, best) ? other : best));
  const meant = distance(name, nearest) <= Math.max(2, name.length / 3) ? `; did you mean '${nearest}'?` : '.';
  const listed =
    names.length > 50 ? `${names.slice(0, 50).join(', ')} and ${names.length - 50} more` : names.join(', ');
  return `there is no topic '${name}'${meant} The project's topics: ${listed}`;
}

/** Levenshtein's: how many letters to add, drop or change to make `a` of `b`, whatever their case. */
function distance(a, b) {
  [a, b] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

globalThis[KEY] ??= create();
module.exports = globalThis[KEY].sdk;
