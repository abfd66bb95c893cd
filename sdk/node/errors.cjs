'use strict';
// What handlers throw, told to their authors: name, message and a stack of their own lines only.
//
// Whatever is thrown (a string, null, an object that throws when looked at) can be told.

const { inspect } = require('node:util');
const { NonRetriableError } = require('./index.cjs');

const NAME_CHARS = 256;
const MESSAGE_CHARS = 8 << 10;
const STACK_CHARS = 32 << 10;
const CAUSES = 5;

/** The project's folder, left out of the paths in stacks; set once, when it is known. */
let root = '/';

function setRoot(folder) {
  root = folder.endsWith('/') ? folder : `${folder}/`;
}

/** A stack without Node's frames and ours, its paths relative to the project's root. */
function clean(stack) {
  return stack
    .split('\n')
    .filter(
      (line) => !/^\s+at /.test(line) || !(/\(node:|at (?:async )?node:/.test(line) || line.includes(`${__dirname}/`)),
    )
    .map((line) =>
      line.replace(/file:\/\/(\/[^\s)]*)/g, (_, url) => decoded(url)).replaceAll(root, root === '/' ? '/' : ''),
    )
    .join('\n');
}

function decoded(url) {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

/** Name, message and stack of anything thrown. */
function describe(thrown) {
  try {
    if (!(thrown instanceof Error) && typeof thrown?.stack !== 'string') {
      const message = typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 2 });
      return { name: 'Error', message: message.slice(0, MESSAGE_CHARS), stack: '' };
    }
    const name = String(thrown.name || 'Error').slice(0, NAME_CHARS);
    const message = String(thrown.message).slice(0, MESSAGE_CHARS);
    return { name, message, stack: stackOf(thrown).slice(0, STACK_CHARS) };
  } catch {
    return { name: 'Error', message: 'something that cannot be described was thrown', stack: '' };
  }
}

/** The stack, with those of the causes. */
function stackOf(error) {
  let text = clean(String(error.stack));
  let { cause } = error;
  for (let depth = 0; depth < CAUSES && cause !== undefined && cause !== null; depth++) {
    text += `\ncaused by ${cause instanceof Error ? clean(String(cause.stack)) : inspect(cause, { depth: 2 })}`;
    cause = cause.cause;
  }
  return text;
}

/** As many lines as a log should have of it. */
function render(thrown) {
  const { name, message, stack } = describe(thrown);
  return stack || `${name}: ${message}`;
}

/** The class may come from another copy of the SDK, so its name counts as well. */
function isRetriable(thrown) {
  try {
    return !(thrown instanceof NonRetriableError || thrown?.name === 'NonRetriableError');
  } catch {
    return true;
  }
}

module.exports = { clean, describe, isRetriable, render, setRoot };
