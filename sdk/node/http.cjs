'use strict';
// Requests and responses, as handlers see them.
//
// In: the head and body of an Invoke. Out: a status, flat headers and a body, checked, so that what a
// handler returns wrongly is its own error (502), never the server's.

const { bytes, kindOf } = require('./words.cjs');

/** Why a response cannot be sent as the handler gave it. */
class ResponseTooLarge extends Error {}
ResponseTooLarge.prototype.name = 'ResponseTooLarge';

// Looked at only for names that a request does not have in canonical form: any case finds the value.
const HEADERS = new Proxy(
  {},
  {
    get(_, name, headers) {
      if (typeof name === 'string') {
        const wanted = name.toLowerCase();
        for (const key of Object.keys(headers)) if (key.toLowerCase() === wanted) return headers[key];
      }
      return Object.prototype[name];
    },
  },
);

/** Its values are found by their names in any case. */
const inAnyCase = (headers) => Object.setPrototypeOf(headers, HEADERS);

function put(object, name, value) {
  // `?__proto__=x` is a parameter like any other.
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  } else object[name] = value;
}

function fromPairs(pairs) {
  const object = {};
  for (const [name, value] of pairs) put(object, name, value);
  return object;
}

function buildRequest(invoke) {
  const { method, path, headers, query, params, is_base64 } = invoke.head();
  const all = {};
  for (const [name, value] of query) {
    if (Object.hasOwn(all, name)) all[name].push(value);
    else put(all, name, [value]);
  }
  return {
    method,
    path,
    headers: inAnyCase(fromPairs(headers)),
    query: fromPairs(query),
    query_all: all,
    params: fromPairs(params),
    body: invoke.body(is_base64),
    is_base64,
  };
}

/**
 * What `next()` gives: like a promise, and it knows whether its middleware looks at it. A subclass of Promise would
 * cost three more promises for each `await`.
 */
class Rest {
  isWatched = false;

  constructor(running) {
    this.running = running;
  }

  then(done, failed) {
    this.isWatched = true;
    return this.running.then(done, failed);
  }

  catch(failed) {
    return this.then(undefined, failed);
  }

  finally(settled) {
    this.isWatched = true;
    return this.running.finally(settled);
  }
}
Object.setPrototypeOf(Rest.prototype, Promise.prototype);

/** Runs the middlewares, then the handler; gives what they returned, or `response` as it stands. */
function runRoute(route, request, response, context) {
  const { middlewares } = route;
  const runFrom = async (i) => {
    if (i === middlewares.length) return (await route.runRoute(request, response, context)) ?? response;
    let rest;
    let isOver = false;
    let failedBefore = false;
    const next = (error) => {
      if (rest) throw new Error(`middleware ${i + 1} of ${middlewares.length} called next() twice`);
      // `next(error)`, as elsewhere: the rest must not run as if nothing had happened.
      const running = error === undefined || error === null ? runFrom(i + 1) : Promise.reject(error);
      running.catch(() => (failedBefore = !isOver));
      rest = new Rest(running);
      return rest;
    };
    const result = await middlewares[i](request, response, next);
    isOver = true;
    if (!rest) return result ?? response;
    try {
      const ofRest = await rest.running;
      return result ?? ofRest;
    } catch (error) {
      // Caught by the middleware (`try { await next() } catch`), it is the middleware's to answer.
      if (rest.isWatched && failedBefore) return result ?? response;
      throw error;
    }
  };
  return runFrom(0);
}

const KEYS = ['statusCode', 'status_code', 'headers', 'body'];

/** Checks what a route returned; the status, flat headers and body to send. Throws with what is wrong. */
function toResponse(value, limit) {
  if (typeof value !== 'object' || !KEYS.some((key) => key in value)) {
    throw new TypeError(
      `process returned ${kindOf(value)}, which is no response: return { statusCode, headers, body }, or nothing`,
    );
  }
  const status = toStatus(value.status_code ?? value.statusCode ?? 200);
  const headers = new Map();
  let size = value.headers === undefined || value.headers === null ? 0 : addHeaders(headers, value.headers);
  const { content, type } = toBody(value.body);
  const body = status === 204 || status === 304 ? '' : content;
  if (body.length > 0 && !headers.has('content-type')) headers.set('content-type', ['content-type', type]);
  size += typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  if (size > limit) {
    throw new ResponseTooLarge(`the response of ${bytes(size)} is larger than the limit of ${bytes(limit)}`);
  }
  return { status, headers: flat(headers), body };
}

function toStatus(given) {
  const status = typeof given === 'string' && /^\d{3}$/.test(given) ? Number(given) : given;
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new TypeError(`statusCode is ${kindOf(given)}; it must be a whole number from 200 to 599`);
}

/** As much as clients and proxies commonly take. */
const HEADER_BYTES = 64 << 10;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Fills `into` (lower-case name → name, value, value…); of two cases of one name the later counts. Their size. */
function addHeaders(into, given) {
  if (typeof given !== 'object') {
    throw new TypeError(`headers is ${kindOf(given)}; it must be an object of names and values`);
  }
  let size = 0;
  for (const [name, value] of typeof given[Symbol.iterator] === 'function' ? given : Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
    }
    const line = [name];
    for (const item of Array.isArray(value) ? value : [value]) {
      if (typeof item === 'object' || typeof item === 'function' || typeof item === 'symbol') {
        throw new TypeError(
          `the header '${name}' is ${kindOf(item)}; it must be a string, a number or an array of them`,
        );
      }
      const text = String(item);
      if (NOT_IN_VALUE.test(text)) {
        throw new TypeError(`the header '${name}' has a line break or another control character in its value`);
      }
      line.push(text);
      size += name.length + text.length + 4;
    }
    if (line.length > 1) into.set(name.toLowerCase(), line);
  }
  if (size > HEADER_BYTES) throw new TypeError(`headers take ${size} bytes; the limit is ${HEADER_BYTES}`);
  return size;
}

function flat(headers) {
  const list = [];
  for (const [name, ...values] of headers.values()) for (const value of values) list.push(name, value);
  return list;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

/** Written as JSON it would be `{}`, and nobody would know why. */
const isPromise = (value) => value instanceof Promise;

function toBody(body) {
  switch (typeof body) {
    case 'string':
      return { content: body, type: TEXT };
    case 'undefined':
      return { content: '', type: TEXT };
    case 'number':
    case 'bigint':
      return { content: String(body), type: TEXT };
    case 'boolean':
      return { content: String(body), type: JSON_TYPE };
    case 'object':
      break;
    default:
      throw new TypeError(`body is ${kindOf(body)}; it must be a string, bytes, or a value that JSON has`);
  }
  if (body === null) return { content: '', type: TEXT };
  if (body instanceof Uint8Array) return { content: body, type: 'application/octet-stream' };
  if (body instanceof ArrayBuffer) return { content: new Uint8Array(body), type: 'application/octet-stream' };
  if (typeof body.pipe === 'function' || typeof body.getReader === 'function') {
    throw new TypeError('body is a stream; read it and return its content');
  }
  const promised = isPromise(body) ? 'body' : Object.keys(body).find((key) => isPromise(body[key]));
  if (promised !== undefined) {
    throw new TypeError(`${promised === 'body' ? promised : `body.${promised}`} is a promise: an await is missing`);
  }
  try {
    // A date is an object whose JSON is a text: it is sent as that text.
    const written = typeof body.toJSON === 'function' ? body.toJSON() : body;
    if (typeof written === 'string') return { content: written, type: TEXT };
    return { content: JSON.stringify(body) ?? '', type: JSON_TYPE };
  } catch (cause) {
    throw new TypeError(`body cannot be written as JSON: ${cause.message}`, { cause });
  }
}

module.exports = { ResponseTooLarge, buildRequest, inAnyCase, runRoute, toResponse };
