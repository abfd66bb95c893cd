'use strict';
// What handlers give to calls of the SDK, checked before anything is sent: payloads, keys, options.

const { CallError } = require('./index.cjs');
const { bytes, kindOf, unknown } = require('./words.cjs');

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

/** Throws what is wrong with a key (or, as `noun` says, with the beginning of one). */
function checkKey(what, key, limit, noun = 'a key') {
  const wanted = notAKey(key, limit);
  if (wanted) throw new CallError('bad_key', `${what}: ${noun} must be ${wanted}`);
}

/** What a key must be, if this is none. */
function notAKey(value, limit) {
  if (typeof value !== 'string' || value === '') return `a string that is not empty, not ${kindOf(value)}`;
  if (!value.isWellFormed())
    return `well-formed text; half a surrogate pair is in ${JSON.stringify(value.slice(0, 40))}`;
  const size = value.length * 3 <= limit ? 0 : Buffer.byteLength(value);
  return size > limit ? `at most ${bytes(limit)} long; it has ${bytes(size)}` : undefined;
}

/** What is wrong with the value of each option, if something is. */
const publishOptions = ({ key_bytes: limit }) => ({
  delay: (value) => (Number.isFinite(value) && value >= 0 ? undefined : no('a number of seconds, 0 or more', value)),
  idempotency_key: (value) => notAKey(value, limit),
  ordering_key: (value) => notAKey(value, limit),
});

const setOptions = {
  ttl: (value) => (Number.isFinite(value) && value > 0 ? undefined : no('a number of seconds, more than 0', value)),
  if_version: (value) =>
    Number.isSafeInteger(value) && value >= 0 ? undefined : no('a whole number, 0 or more', value),
};

const incrementOptions = {
  by: (value) => (Number.isFinite(value) ? undefined : no('a finite number', value)),
};

/** As many keys as one list gives. */
const LISTED = 1000;

const listOptions = ({ key_bytes: limit }) => ({
  after: (value) => (value === '' ? undefined : notAKey(value, limit)),
  limit: (value) =>
    Number.isInteger(value) && value >= 1 && value <= LISTED
      ? undefined
      : no(`a whole number from 1 to ${LISTED}`, value),
});

const no = (wanted, value) => `${wanted}, not ${kindOf(value)}`;

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

module.exports = { Payload, checkKey, incrementOptions, listOptions, publishOptions, readOptions, setOptions };
