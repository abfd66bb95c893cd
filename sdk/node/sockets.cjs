'use strict';
// Sockets, as handlers see them: whom a message is for, who connects, and whether it is let in.

const { CallError } = require('./index.cjs');
const { inAnyCase } = require('./http.cjs');
const { kindOf } = require('./words.cjs');

/** The options of a publish: one id or several, an array or a set. Who is undefined or null is nobody, and told as gone. */
function toOptions(what, given) {
  if (given === undefined || given === null) return JSON.stringify({ connections: [] });
  const ids = typeof given === 'string' ? [given] : given;
  if (typeof ids[Symbol.iterator] !== 'function') {
    throw new CallError('bad_option', `${what}: connections must be an id or an array of ids, not ${kindOf(given)}`);
  }
  return JSON.stringify({ connections: Array.from(ids, (id) => checked(what, id)) });
}

function checked(what, id) {
  if (id === undefined || id === null) return null;
  if (typeof id === 'string' && id.isWellFormed()) return id;
  throw new CallError('bad_option', `${what}: the id of a connection must be a string, not ${kindOf(id)}`);
}

/** What a handler of connections or of a channel is told. */
function toEvent(payload) {
  if (payload.headers) inAnyCase(payload.headers);
  return payload;
}

/** Of what such a handler returns only a status counts: what else it is (a document of a database) is nobody's. */
function toStatus(result) {
  const status = Number(result?.statusCode ?? result?.status_code ?? 0);
  return status > 0 ? JSON.stringify({ statusCode: status }) : 'null';
}

module.exports = { toEvent, toOptions, toStatus };
