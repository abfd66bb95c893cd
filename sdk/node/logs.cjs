'use strict';
// What handlers print, line by line, with the invocation that printed it.
//
// In: console.* and process.stdout/stderr.write, attributed through AsyncLocalStorage. Out: Log frames.
// Bounds, per invocation: lines, bytes, and bytes a line; what is beyond is counted, and told in one
// last line. What is printed outside any invocation has no bound but a line's. What writes to the
// descriptors themselves (child processes, native code) bypasses this and reaches the server's pipes.

const { format } = require('node:util');

const GROUP = '  ';

/** The log of one invocation, or of none (id 0). */
class Log {
  /** `isLate`: its invocation has ended, and the server knows the id no more. */
  constructor(id, handler, isLate) {
    this.id = id;
    this.handler = handler;
    this.isLate = isLate;
    this.isBounded = id !== 0;
    this.lines = 0;
    this.bytes = 0;
    this.leftLines = 0;
    this.leftBytes = 0;
    this.indent = ''; // of console.group
    this.partial = ['', '']; // what write() left without a line's end, per stream
  }
}

class Logs {
  /** `current()` gives the Log of the running invocation, or undefined. */
  constructor(writer, current, schedule) {
    this.writer = writer;
    this.current = current;
    this.schedule = schedule;
    this.common = new Log(0, '', false);
    this.limits = { log_lines: Infinity, log_bytes: Infinity, log_line_bytes: 64 << 10 };
  }

  /** Takes over `console` and the two streams. */
  install() {
    const print =
      (stream) =>
      (...args) => {
        const log = this.current() ?? this.common;
        this.print(log, stream, args.length === 1 && typeof args[0] === 'string' ? args[0] : format(...args));
      };
    console.log = console.info = console.debug = print(0);
    console.error = console.warn = print(1);
    // Node keeps one indentation for the whole process; a group left open by one invocation must not shift the others.
    console.group = console.groupCollapsed = (...label) => {
      if (label.length > 0) console.log(...label);
      (this.current() ?? this.common).indent += GROUP;
    };
    console.groupEnd = () => {
      const log = this.current() ?? this.common;
      log.indent = log.indent.slice(GROUP.length);
    };
    process.stdout.write = this.streamWrite(0);
    process.stderr.write = this.streamWrite(1);
  }

  streamWrite(stream) {
    return (chunk, encoding, done) => {
      if (typeof encoding === 'function') [encoding, done] = [undefined, encoding];
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      this.write(this.current() ?? this.common, stream, text);
      if (done) process.nextTick(done);
      return true;
    };
  }

  /** One call of console: it ends what write() left open on the stream. */
  print(log, stream, text) {
    if (log.partial[stream] !== '' || log.indent !== '' || text.includes('\n')) this.write(log, stream, `${text}\n`);
    else this.line(log, stream, text);
  }

  write(log, stream, text) {
    let from = 0;
    for (let to; (to = text.indexOf('\n', from)) >= 0; from = to + 1) {
      const line = log.partial[stream] + text.slice(from, to);
      log.partial[stream] = '';
      this.line(log, stream, line);
    }
    if (from === text.length) return;
    const open = log.partial[stream] + text.slice(from);
    log.partial[stream] = open.slice(0, this.limits.log_line_bytes);
    log.leftBytes += open.length - log.partial[stream].length;
  }

  /** One line, within the limits. */
  line(log, stream, text) {
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (log.indent !== '') text = log.indent + text;
    const { log_lines: lines, log_bytes: bytes, log_line_bytes: lineBytes } = this.limits;
    let length = Buffer.byteLength(text);
    if (log.isBounded && (log.lines >= lines || log.bytes + length > bytes)) {
      log.lines = Infinity; // once something is left out, all that follows is: no gaps
      log.leftLines += 1;
      log.leftBytes += length;
      return;
    }
    if (length > lineBytes) {
      log.leftBytes += length;
      text = cut(text, lineBytes);
      length = Buffer.byteLength(text);
      log.leftBytes -= length;
    }
    log.lines += 1;
    log.bytes += length;
    this.send(log, stream, text);
  }

  send(log, stream, text) {
    const isError = stream === 1;
    if (log.isLate) this.writer.log(0, isError, Date.now(), `[${log.handler}, after its end] ${text}`);
    else this.writer.log(log.id, isError, Date.now(), text);
    this.schedule();
  }

  /** The invocation has ended: what is open is sent, then what was left out is told. */
  close(log) {
    log.indent = '';
    for (const stream of [0, 1]) {
      if (log.partial[stream] !== '') this.line(log, stream, log.partial[stream]);
      log.partial[stream] = '';
    }
    if (log.leftLines + log.leftBytes > 0) {
      const { log_lines: lines, log_bytes: bytes, log_line_bytes: lineBytes } = this.limits;
      const left = log.leftLines === 0 ? `${count(log.leftBytes)} bytes` : `${count(log.leftLines)} lines`;
      const limits = `${count(lines)} lines and ${count(bytes)} bytes an invocation, ${count(lineBytes)} bytes a line`;
      this.send(log, 1, `[less] ${left} of this log were left out; the limits are ${limits}`);
    }
    log.isLate = true;
  }
}

const count = (number) => number.toLocaleString('en-US');

/** At most so many bytes of UTF-8, whole characters. */
function cut(text, bytes) {
  const encoded = Buffer.from(text);
  let end = bytes;
  while (end > 0 && (encoded[end] & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}

module.exports = { Log, Logs };
