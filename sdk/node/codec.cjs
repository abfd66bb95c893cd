'use strict';
// Frames to bytes and back. The layout stands in the header of crates/less-protocol/src/lib.rs;
// crates/less-protocol/golden/frames.json holds both sides to it.
//
// Pure: no sockets, no clock. Numbers of 64 bits are read as JavaScript numbers, exact up to 2^53:
// ids are counters and times are milliseconds. A ping's nonce alone stays a BigInt.

const LOAD = 1;
const INVOKE = 2;
const WITHDRAW = 3;
const ANSWER = 4;
const PING = 5;
const STOP = 6;
const LOADED = 65;
const REPLY = 66;
const RETURNED = 67;
const CALL = 68;
const LOG = 69;
const PONG = 70;

const VERSION = 2;
const MAX_FRAME = 64 << 20;
const SLAB = 256 << 10;
/** The least room worth a read. */
const MIN_READ = 64 << 10;
const TWO_32 = 4294967296;

/** What an Invoke is. */
const MESSAGE = 0;
const REQUEST = 1;
const FUNCTION_CALL = 2;
/** What a Call asks for. */
const PUBLISH = 1;
const FUNCTION = 2;
const KVS = 3;
const SOCKETS = 4;
const FILES = 5;

function u64(buffer, at) {
  return buffer.readUInt32LE(at + 4) * TWO_32 + buffer.readUInt32LE(at);
}

function json(buffer, at, end) {
  return JSON.parse(buffer.utf8Slice(at, end));
}

function uuid(buffer, at) {
  const hex = buffer.hexSlice(at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * Cuts what arrives into frames, wherever it was split, copying only the start of a frame that
 * spans two buffers. `take(type, buffer, at, end)` gets each frame's body; it may keep the buffer,
 * which is not written again up to `end` as long as `isKept(buffer)`.
 */
class FrameReader {
  constructor(take, isKept) {
    this.take = take;
    this.isKept = isKept;
    this.slab = Buffer.allocUnsafeSlow(SLAB);
    this.spare = undefined; // the one before: new ones in their place would be collected one after the other
    this.start = 0; // of the first frame that is not whole yet
    this.end = 0; // of what has arrived
    this.length = 0; // of that frame with its length field, once known
  }

  /** Where the next bytes are to be written. */
  room() {
    const waiting = this.end - this.start;
    if (this.slab.length - this.end < MIN_READ || this.slab.length - this.start < this.length) {
      const slab = this.other(Math.max(SLAB, this.length + MIN_READ));
      this.slab.copy(slab, 0, this.start, this.end);
      if (this.slab.length === SLAB) this.spare = this.slab;
      this.slab = slab;
      this.start = 0;
      this.end = waiting;
    }
    return this.slab.subarray(this.end);
  }

  other(size) {
    const { spare } = this;
    return size === SLAB && spare && !this.isKept(spare) ? spare : Buffer.allocUnsafeSlow(size);
  }

  /** So many bytes were written there. */
  received(count) {
    this.end += count;
    const { slab } = this;
    for (;;) {
      this.length = 0;
      if (this.end - this.start < 4) return;
      const length = slab.readUInt32LE(this.start);
      if (length === 0 || length > MAX_FRAME) throw new RangeError(`a frame of ${length} bytes`);
      this.length = 4 + length;
      const end = this.start + this.length;
      if (this.end < end) return;
      const at = this.start + 5;
      this.start = end;
      this.take(slab[at - 1], slab, at, end);
    }
  }
}

/** An Invoke, read in two steps: what every invocation needs at once, the rest when it begins. */
class Invoke {
  constructor(buffer, at, end) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
    this.id = u64(buffer, at);
    this.slot = buffer.readUInt16LE(at + 8);
    this.handler = buffer.readUInt16LE(at + 10);
    this.kind = buffer[at + 12];
    this.isWithdrawn = false;
    this.sentAt = u64(buffer, at + 33);
    this.payloadAt = at + 93 + buffer.readUInt32LE(at + 89);
    if (this.payloadAt > end) throw new RangeError('an Invoke that ends early');
  }

  /** All was read: the read buffer may be used again. */
  release() {
    this.buffer = undefined;
  }

  /** A message, or a function's argument, as it was given. */
  payload() {
    return json(this.buffer, this.payloadAt, this.end);
  }

  head() {
    return json(this.buffer, this.at + 93, this.payloadAt);
  }

  body(isBase64) {
    return isBase64
      ? this.buffer.base64Slice(this.payloadAt, this.end)
      : this.buffer.utf8Slice(this.payloadAt, this.end);
  }

  /** What a handler's `context` tells of this invocation; times in milliseconds since 1970. */
  context(project, handler) {
    const { buffer, at } = this;
    const isMessage = this.kind === MESSAGE;
    return {
      project,
      handler,
      invocation_id: uuid(buffer, at + 41),
      trace_id: uuid(buffer, at + 57),
      message_id: isMessage ? uuid(buffer, at + 73) : null,
      attempt: buffer.readUInt32LE(at + 13),
      published_at: isMessage ? u64(buffer, at + 17) : null,
      deadline: u64(buffer, at + 25),
    };
  }
}

/** An Answer: `error` is undefined when the call succeeded. */
function readAnswer(buffer, at, end) {
  const value = json(buffer, at + 9, end);
  return buffer[at + 8] === 0 ? { call: u64(buffer, at), value } : { call: u64(buffer, at), error: value };
}

/**
 * Writes frames behind one another; `send(bytes)` gets them when the buffer is full or on `flush`.
 * It returns true when the bytes are on their way and their memory may be written again.
 */
class FrameWriter {
  constructor(send) {
    this.send = send;
    this.buffer = Buffer.allocUnsafeSlow(SLAB);
    this.start = 0; // of what was not sent
    this.frame = 0; // of the frame that is being written
    this.at = 0;
  }

  /** What `flush` would send. */
  get pending() {
    return this.buffer.subarray(this.start, this.frame);
  }

  flush() {
    if (this.start === this.frame) return;
    const gone = this.send(this.pending);
    this.start = this.frame;
    if (!gone) return;
    if (this.buffer.length > SLAB) this.buffer = Buffer.allocUnsafeSlow(SLAB);
    this.start = this.frame = this.at = 0;
  }

  loaded(problems) {
    this.open(LOADED);
    this.text(JSON.stringify({ problems }));
    this.close();
  }

  /** The handler of a message is done. */
  done(id) {
    this.open(REPLY);
    this.u64(id);
    this.u8(0);
    this.close();
  }

  /** What a function returned, as JSON. */
  result(id, json) {
    this.open(REPLY);
    this.u64(id);
    this.u8(0);
    this.text(json);
    this.close();
  }

  /** `headers` is flat: name, value, name, value; `body` a string or bytes. */
  response(id, { status, headers, body }) {
    this.open(REPLY);
    this.u64(id);
    this.u8(0);
    this.u16(status);
    this.u16(headers.length / 2);
    for (let i = 0; i < headers.length; i += 2) {
      this.text16(headers[i]);
      this.text32(headers[i + 1]);
    }
    if (typeof body === 'string') this.text(body);
    else this.bytes(body);
    this.close();
  }

  /** `status`: 1 threw, 2 threw and is not to be retried, 3 the response or result is too large. */
  threw(id, status, { name, message, stack }) {
    this.open(REPLY);
    this.u64(id);
    this.u8(status);
    this.text(JSON.stringify({ name, message, stack }));
    this.close();
  }

  returned(id) {
    this.open(RETURNED);
    this.u64(id);
    this.close();
  }

  /** `options` and `payload` are JSON, or empty. */
  call(call, id, service, target, options, payload) {
    this.open(CALL);
    this.u64(call);
    this.u64(id);
    this.u8(service);
    this.text16(target);
    if (options === '') this.u32(0);
    else this.text32(options);
    this.text(payload);
    this.close();
  }

  log(id, isError, time, text) {
    this.open(LOG);
    this.u64(id);
    this.u8(isError ? 1 : 0);
    this.u64(time);
    this.text(text);
    this.close();
  }

  pong(nonce) {
    this.open(PONG);
    this.reserve(8);
    this.at = this.buffer.writeBigUInt64LE(nonce, this.at);
    this.close();
  }

  open(type) {
    this.reserve(5);
    this.at += 4;
    this.u8(type);
  }

  close() {
    this.buffer.writeUInt32LE(this.at - this.frame - 4, this.frame);
    this.frame = this.at;
  }

  u8(value) {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  u16(value) {
    this.reserve(2);
    this.at = this.buffer.writeUInt16LE(value, this.at);
  }

  u32(value) {
    this.reserve(4);
    this.at = this.buffer.writeUInt32LE(value, this.at);
  }

  u64(value) {
    this.reserve(8);
    this.buffer.writeUInt32LE(value % TWO_32, this.at);
    this.at = this.buffer.writeUInt32LE(Math.floor(value / TWO_32), this.at + 4);
  }

  bytes(bytes) {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A text behind its length, whose place is told from the frame's start: the buffer may move meanwhile. */
  text16(string) {
    const place = this.at - this.frame;
    this.u16(0);
    const length = this.text(string);
    this.buffer.writeUInt16LE(length, this.frame + place);
  }

  text32(string) {
    const place = this.at - this.frame;
    this.u32(0);
    const length = this.text(string);
    this.buffer.writeUInt32LE(length, this.frame + place);
  }

  /** Writes a string as UTF-8 and returns how many bytes that took. */
  text(string) {
    const room = string.length < 4096 ? string.length * 3 : Buffer.byteLength(string);
    this.reserve(room);
    const written = this.buffer.utf8Write(string, this.at, room);
    this.at += written;
    return written;
  }

  reserve(count) {
    if (this.buffer.length - this.at >= count) return;
    // Only whole frames leave; the open one moves to the new buffer.
    const open = this.buffer.subarray(this.frame, this.at);
    if (this.start < this.frame) this.send(this.pending);
    this.buffer = Buffer.allocUnsafeSlow(Math.max(SLAB, open.length * 2 + count));
    this.buffer.set(open, 0);
    this.start = this.frame = 0;
    this.at = open.length;
  }
}

module.exports = {
  LOAD,
  INVOKE,
  WITHDRAW,
  ANSWER,
  PING,
  STOP,
  VERSION,
  MESSAGE,
  REQUEST,
  FUNCTION_CALL,
  PUBLISH,
  FUNCTION,
  KVS,
  SOCKETS,
  FILES,
  FrameReader,
  FrameWriter,
  Invoke,
  readAnswer,
  u64,
  json,
};
