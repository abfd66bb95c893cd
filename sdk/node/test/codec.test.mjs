import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import codec from '../codec.cjs';
import { decode, encode } from '../testing/frames.mjs';

const golden = JSON.parse(
  fs.readFileSync(new URL('../../../crates/less-protocol/golden/frames.json', import.meta.url), 'utf8'),
);

/** What a worker reads of a server's frame, as the golden file names it. */
function read(type, buffer, at, end) {
  switch (type) {
    case codec.LOAD:
      return { type: 'load', load: codec.json(buffer, at, end) };
    case codec.INVOKE:
      return readInvoke(new codec.Invoke(buffer, at, end));
    case codec.WITHDRAW:
      return { type: 'withdraw', id: codec.u64(buffer, at) };
    case codec.ANSWER: {
      const { call, value, error } = codec.readAnswer(buffer, at, end);
      return error ? { type: 'answer', call, error } : { type: 'answer', call, ok: JSON.stringify(value) };
    }
    case codec.PING:
      return { type: 'ping', nonce: String(buffer.readBigUInt64LE(at)) };
    default:
      return { type: 'stop' };
  }
}

function readInvoke(invoke) {
  const { id, slot, handler, sentAt: sent_at } = invoke;
  const context = invoke.context('p', 'h');
  const common = {
    type: 'invoke',
    id,
    slot,
    handler,
    sent_at,
    invocation: context.invocation_id,
    trace: context.trace_id,
    deadline: context.deadline,
  };
  if (invoke.kind === codec.MESSAGE) {
    const { attempt, published_at, message_id: message } = context;
    return { ...common, kind: 'message', message, attempt, published_at, payload: invoke.payload() };
  }
  if (invoke.kind === codec.FUNCTION_CALL) return { ...common, kind: 'call', payload: invoke.payload() };
  const head = invoke.head();
  return {
    ...common,
    kind: 'request',
    head,
    body_hex: Buffer.from(invoke.body(head.is_base64), head.is_base64 ? 'base64' : 'utf8').toString('hex'),
  };
}

function write(writer, fields) {
  switch (fields.type) {
    case 'loaded':
      return writer.loaded(fields.problems);
    case 'reply':
      if (fields.thrown) return writer.threw(fields.id, fields.status, fields.thrown);
      if (fields.result) return writer.result(fields.id, fields.result);
      if (!fields.response) return writer.done(fields.id);
      return writer.response(fields.id, {
        ...fields.response,
        headers: fields.response.headers.flat(),
        body: Buffer.from(fields.response.body_hex, 'hex'),
      });
    case 'returned':
      return writer.returned(fields.id);
    case 'call':
      return writer.call(
        fields.call,
        fields.id,
        {
          publish: codec.PUBLISH,
          function: codec.FUNCTION,
          kvs: codec.KVS,
          sockets: codec.SOCKETS,
          files: codec.FILES,
        }[fields.service],
        fields.target,
        fields.options,
        fields.payload,
      );
    case 'log':
      return writer.log(fields.id, fields.error, fields.time, fields.text);
    default:
      return writer.pong(BigInt(fields.nonce));
  }
}

function collect() {
  const sent = [];
  const writer = new codec.FrameWriter((bytes) => sent.push(Buffer.from(bytes)));
  return { writer, bytes: () => (writer.flush(), Buffer.concat(sent)) };
}

for (const { name, direction, fields, hex } of golden) {
  if (direction === 'to_worker') {
    test(`the worker reads: ${name}`, () => {
      assert.equal(encode(fields).toString('hex'), hex);
      const expected = fields.payload === undefined ? fields : { ...fields, payload: JSON.parse(fields.payload) };
      const bytes = Buffer.from(hex, 'hex');
      assert.deepEqual(read(bytes[4], bytes, 5, bytes.length), expected);
    });
  } else if (!fields.exclusive) {
    test(`the worker writes: ${name}`, () => {
      const { writer, bytes } = collect();
      write(writer, fields);
      assert.equal(bytes().toString('hex'), hex);
      assert.deepEqual(
        decode(Buffer.from(hex, 'hex').subarray(4), () =>
          fields.response ? 'request' : fields.result ? 'call' : 'message',
        ),
        fields,
      );
    });
  }
}

function feed(reader, bytes) {
  while (bytes.length > 0) {
    const room = reader.room();
    const count = Math.min(room.length, bytes.length);
    room.set(bytes.subarray(0, count));
    reader.received(count);
    bytes = bytes.subarray(count);
  }
}

test('frames are the same however the stream is split', () => {
  const stream = Buffer.concat(
    golden.filter((one) => one.direction === 'to_worker').map((one) => Buffer.from(one.hex, 'hex')),
  );
  const readAll = (size) => {
    const frames = [];
    const reader = new codec.FrameReader(
      (type, buffer, at, end) => frames.push(buffer.toString('hex', at - 5, end)),
      () => false,
    );
    for (let at = 0; at < stream.length; at += size) feed(reader, stream.subarray(at, at + size));
    return frames.join('');
  };
  for (let size = 1; size <= stream.length; size += size < 100 ? 1 : 97)
    assert.equal(readAll(size), stream.toString('hex'));
});

test('a frame larger than the read buffer, between small ones, arrives whole', () => {
  const sizes = [];
  const reader = new codec.FrameReader(
    (type, buffer, at, end) => sizes.push(end - at),
    () => false,
  );
  const small = encode({ type: 'withdraw', id: 1 });
  const large = encode({ type: 'answer', call: 1, ok: JSON.stringify('x'.repeat(5 << 20)) });
  feed(reader, Buffer.concat([small, large, small, large, small]));
  assert.deepEqual(sizes, [8, (5 << 20) + 11, 8, (5 << 20) + 11, 8]);
});

test('a frame that is kept stays readable after later ones have come', () => {
  const kept = [];
  const reader = new codec.FrameReader(
    (type, buffer, at) => kept.push([buffer, at]),
    (buffer) => kept.some(([one]) => one === buffer),
  );
  const count = 100_000;
  feed(reader, Buffer.concat(Array.from({ length: count }, (_, id) => encode({ type: 'withdraw', id }))));
  assert.ok(kept.every(([buffer, at], id) => codec.u64(buffer, at) === id));
  assert.equal(kept.length, count);
});

test('a stream of small frames, each read at once, needs two buffers', () => {
  const buffers = new Set();
  const ids = [];
  const reader = new codec.FrameReader(
    (type, buffer, at) => {
      buffers.add(buffer.buffer);
      ids.push(codec.u64(buffer, at));
    },
    () => false,
  );
  const count = 100_000;
  feed(reader, Buffer.concat(Array.from({ length: count }, (_, id) => encode({ type: 'withdraw', id }))));
  assert.deepEqual(
    ids,
    Array.from({ length: count }, (_, id) => id),
  );
  assert.equal(buffers.size, 2);
});

test('a length of zero, or beyond the longest frame, is refused', () => {
  for (const length of [0, (64 << 20) + 1]) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    assert.throws(() => feed(new codec.FrameReader(() => {}), head), RangeError);
  }
});

test('frames that outgrow the write buffer leave in order, none torn', () => {
  const { writer, bytes } = collect();
  const expected = [];
  for (let id = 1; id < 400; id++) {
    const text = 'é'.repeat(id * 7);
    writer.log(id, false, 0, text);
    writer.response(id, { status: 200, headers: ['x', text], body: text });
    expected.push([id, text]);
  }
  const seen = [];
  for (let rest = bytes(); rest.length > 0; rest = rest.subarray(4 + rest.readUInt32LE(0))) {
    const frame = decode(rest.subarray(4, 4 + rest.readUInt32LE(0)), () => 'request');
    if (frame.type === 'log') seen.push([frame.id, frame.text]);
    else assert.deepEqual(frame.response.headers[0][1], seen.at(-1)[1]);
  }
  assert.deepEqual(seen, expected);
});

test('bytes whose sending is not over are not written again', () => {
  const sent = [];
  const writer = new codec.FrameWriter((bytes) => (sent.push(bytes), false));
  writer.returned(1);
  writer.flush();
  writer.returned(2);
  writer.flush();
  assert.deepEqual(
    sent.map((bytes) => codec.u64(bytes, 5)),
    [1, 2],
  );
});

/** Numbers that look random and are the same in every run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What a worker makes of a stream that comes in these pieces: frames, and the error that ended it. */
function readStream(pieces) {
  const seen = [];
  const reader = new codec.FrameReader((type, buffer, at, end) => seen.push(read(type, buffer, at, end)));
  try {
    for (const piece of pieces) feed(reader, piece);
  } catch (error) {
    assert.ok(error instanceof RangeError || error instanceof SyntaxError, error);
    seen.push(error.name);
  }
  return seen;
}

test('a damaged stream is read the same however it is cut, and ends with an error', () => {
  const whole = golden.filter((one) => one.direction === 'to_worker').map((one) => Buffer.from(one.hex, 'hex'));
  for (let seed = 0; seed < 1_000; seed++) {
    const next = numbers(seed);
    const stream = Buffer.concat(whole.map((frame) => (next(4) === 0 ? frame.subarray(0, next(frame.length)) : frame)));
    for (let i = next(6); i > 0; i--) stream[next(stream.length)] = next(2) === 0 ? next(256) : 0;
    const pieces = [];
    for (let at = 0; at < stream.length; ) pieces.push(stream.subarray(at, (at += 1 + next(300))));
    assert.deepEqual(readStream(pieces), readStream([stream]), `seed ${seed}`);
  }
});

test('whatever a worker writes is read back', () => {
  for (let seed = 0; seed < 100; seed++) {
    const next = numbers(seed);
    const text = () => Array.from({ length: next(next(8) === 0 ? 9_000 : 9) }, () => 'aé€😀\ud800"\\\n'[next(9)]).join('');
    const { writer, bytes } = collect();
    const expected = Array.from({ length: 20 }, (_, id) => {
      const [one, other] = [text(), text()];
      if (id % 2 === 0) writer.log(id, false, 1, one);
      else writer.call(id, 0, codec.PUBLISH, one, other, other);
      const asSent = (string) => Buffer.from(string).toString();
      return [id, asSent(one), id % 2 === 0 ? undefined : asSent(other)];
    });
    const seen = [];
    for (let rest = bytes(); rest.length > 0; rest = rest.subarray(4 + rest.readUInt32LE(0))) {
      const frame = decode(rest.subarray(4, 4 + rest.readUInt32LE(0)), () => 'message');
      if (frame.type === 'log') seen.push([frame.id, frame.text, undefined]);
      else seen.push([frame.call, frame.target, frame.options === frame.payload ? frame.payload : 'not the same']);
    }
    assert.deepEqual(seen, expected, `seed ${seed}`);
  }
});
