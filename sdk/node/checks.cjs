'use strict';
// What handlers give to calls of the SDK, checked before anything is sent: payloads, keys, paths, options.

const { CallError } = require('./index.cjs');
const { bytes, kindOf, unknown } = require('./words.cjs');

/** Of a file's path; the server has the same limit. */
const PATH_BYTES = 1024;

/** Something that is written as JSON; `noun` names it in messages and codes. */
class Payload {
  constructor(noun, limit, otherwise) {
    this.noun = noun;
    this.limit = limit;
    this.otherwise = otherwise; // what did not happen when it is refused
  }

  toJson(what, value) {
    const { noun, limit } = this;
    let text;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      const error = new CallError(
        `${noun}_not_json`,
        `${what}: the ${noun} cannot be written as JSON: ${cause?.message}`,
      );
      error.cause = cause;
      throw error;
    }
    if (text === undefined) {
      const one = noun === 'argument' ? 'an argument' : `a ${noun}`;
      throw new CallError(`${noun}_not_json`, `${what}: ${one} must be a value that JSON has, not ${kindOf(value)}`);
    }
    // A UTF-16 unit takes at most three bytes: short texts need no counting.
    const size = text.length * 3 <= limit ? 0 : Buffer.byteLength(text);
    if (size > limit) {
      throw new CallError(
        `${noun}_too_large`,
        `${what}: the ${noun} has ${bytes(size)}, the limit is ${bytes(limit)}; ${this.otherwise}`,
      );
    }
    return text;
  }
}

/** Throws what is wrong with a key. */
function checkKey(what, key, limit) {
  const wanted = notKey(key, limit);
  if (wanted) throw new CallError('bad_key', `${what}: a key must be ${wanted}`);
}

/** As a key, and it may be empty. */
function checkPrefix(what, prefix, limit) {
  const wanted = notText(prefix, limit);
  if (wanted) throw new CallError('bad_key', `${what}: a prefix must be ${wanted}`);
}

/** Throws what is wrong with the path of a file, as far as its characters are not: those the server reads. */
function checkPath(what, path) {
  const wanted = notKey(path, PATH_BYTES);
  if (wanted) throw new CallError('bad_path', `${what}: a path must be ${wanted}`);
}

/** As a path, and it may be empty. */
function checkPathPrefix(what, prefix) {
  const wanted = notText(prefix, PATH_BYTES);
  if (wanted) throw new CallError('bad_path', `${what}: a prefix must be ${wanted}`);
}

const no = (wanted, value) => `${wanted}, not ${kindOf(value)}`;

/** What a key must be, if this is none. */
function notKey(value, limit) {
  const wanted = 'a string that is not empty';
  return value === '' ? no(wanted, value) : notText(value, limit, wanted);
}

function notText(value, limit, wanted = 'a string') {
  if (typeof value !== 'string') return no(wanted, value);
  // The server reads UTF-8, which has no halves.
  if (!value.isWellFormed()) return `text, and ${JSON.stringify(value.slice(0, 40))} has half a surrogate pair`;
  const size = value.length * 3 <= limit ? 0 : Buffer.byteLength(value);
  return size > limit ? `at most ${bytes(limit)} long; it has ${bytes(size)}` : undefined;
}

const isWhole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;

/** What an option must be, if its value is not that. */
const publishOptions = ({ key_bytes: limit }) => ({
  delay: (value) => (Number.isFinite(value) && value >= 0 ? undefined : no('a number of seconds, 0 or more', value)),
  idempotency_key: (value) => notKey(value, limit),
  ordering_key: (value) => notKey(value, limit),
});

const isTime = (value) =>
  Number.isFinite(value) && value > 0 ? undefined : no('a number of seconds, more than 0', value);

const setOptions = {
  ttl: isTime,
  if_version: (value) =>
    isWhole(value, 0, Number.MAX_SAFE_INTEGER) ? undefined : no('a whole number, 0 or more', value),
};

const incrementOptions = {
  by: (value) => (Number.isFinite(value) ? undefined : no('a finite number', value)),
};

const urlOptions = { expires_in: isTime };

const listOptions = ({ key_bytes: limit }) => ({
  after: (value) => notText(value, limit),
  limit: (value) => (isWhole(value, 1, 2 ** 32 - 1) ? undefined : no('a whole number, 1 or more', value)),
});

const filesListOptions = listOptions({ key_bytes: PATH_BYTES });

/** Options under the protocol's names (`orderingKey` is `ordering_key`), each checked; undefined is not given. */
function readOptions(what, given, checks) {
  const names = Object.keys(checks);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new CallError(
      'bad_option',
      `${what}: options must be an object of ${names.join(', ')}, not ${kindOf(given)}`,
    );
  }
  const read = {};
  for (const [written, value] of Object.entries(given)) {
    const name = written.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (!names.includes(name)) {
      throw new CallError('bad_option', unknown(`${what} has no option`, written, 'Its options', names));
    }
    if (value === undefined) continue;
    const wanted = name in read ? 'given once; it is there in both spellings' : checks[name](value);
    if (wanted) throw new CallError('bad_option', `${what}: ${written} must be ${wanted}`);
    read[name] = value;
  }
  return read;
}

module.exports = {
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
};
