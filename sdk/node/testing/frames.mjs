// The server's side of the codec, for tests: the same golden frames hold it to the layout.

const uuid = (text) => Buffer.from(text.replaceAll('-', ''), 'hex');
export const NIL = '00000000-0000-0000-0000-000000000000';

function frame(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return Buffer.concat([u32(body.length + 1), u8(type), body]);
}

const u8 = (value) => Buffer.from([value]);
const u16 = (value) => Buffer.from(new Uint16Array([value]).buffer);
const u32 = (value) => Buffer.from(new Uint32Array([value]).buffer);
const u64 = (value) => Buffer.from(new BigUint64Array([BigInt(value)]).buffer);

/** A frame of the server, from its fields as the golden file names them. */
export function encode(fields) {
  switch (fields.type) {
    case 'load':
      return frame(1, JSON.stringify(fields.load));
    case 'invoke':
      return invoke(fields);
    case 'withdraw':
      return frame(3, u64(fields.id));
    case 'answer':
      return frame(
        4,
        u64(fields.call),
        u8(fields.error ? 1 : 0),
        fields.error ? JSON.stringify(fields.error) : fields.ok,
      );
    case 'ping':
      return frame(5, u64(fields.nonce));
    case 'stop':
      return frame(6);
    default:
      throw new Error(`no frame of a server: ${fields.type}`);
  }
}

function invoke(fields) {
  const isMessage = fields.kind === 'message';
  const isRequest = fields.kind === 'request';
  const head = isRequest ? Buffer.from(JSON.stringify(fields.head)) : Buffer.alloc(0);
  return frame(
    2,
    u64(fields.id),
    u16(fields.slot),
    u16(fields.handler),
    u8(['message', 'request', 'call'].indexOf(fields.kind)),
    u32(isMessage ? fields.attempt : 1),
    u64(isMessage ? fields.published_at : 0),
    u64(fields.deadline),
    u64(fields.sent_at),
    uuid(fields.invocation),
    uuid(fields.trace),
    uuid(isMessage ? fields.message : NIL),
    u32(head.length),
    head,
    isRequest ? Buffer.from(fields.body_hex, 'hex') : fields.payload,
  );
}

/** The fields of a worker's frame (type and body), as the golden file names them. `kindOf(id)`: what the Invoke was. */
export function decode(bytes, kindOf = () => 'message') {
  const type = bytes[0];
  const body = bytes.subarray(1);
  const id = () => Number(body.readBigUInt64LE(0));
  switch (type) {
    case 65:
      return { type: 'loaded', ...JSON.parse(body) };
    case 66: {
      const status = body[8];
      if (status > 0) return { type: 'reply', id: id(), status, thrown: JSON.parse(body.subarray(9)) };
      const returned = body.subarray(9);
      const reply = { type: 'reply', id: id(), status };
      if (kindOf(id()) === 'request') return { ...reply, response: response(returned) };
      return kindOf(id()) === 'call' ? { ...reply, result: returned.toString() } : reply;
    }
    case 67:
      return { type: 'returned', id: id() };
    case 68: {
      const target = 19 + body.readUInt16LE(17);
      const payload = target + 4 + body.readUInt32LE(target);
      return {
        type: 'call',
        call: id(),
        id: Number(body.readBigUInt64LE(8)),
        service: { 1: 'publish', 2: 'function', 3: 'kvs', 4: 'sockets', 5: 'files' }[body[16]],
        target: body.toString('utf8', 19, target),
        options: body.toString('utf8', target + 4, payload),
        payload: body.toString('utf8', payload),
      };
    }
    case 69:
      return {
        type: 'log',
        id: id(),
        error: body[8] === 1,
        time: Number(body.readBigUInt64LE(9)),
        text: body.toString('utf8', 17),
      };
    case 70:
      return { type: 'pong', nonce: String(body.readBigUInt64LE(0)) };
    default:
      throw new Error(`no frame of a worker: ${type}`);
  }
}

function response(bytes) {
  const headers = [];
  let at = 4;
  for (let left = bytes.readUInt16LE(2); left > 0; left--) {
    const value = at + 2 + bytes.readUInt16LE(at);
    const end = value + 4 + bytes.readUInt32LE(value);
    headers.push([bytes.toString('utf8', at + 2, value), bytes.toString('utf8', value + 4, end)]);
    at = end;
  }
  return { status: bytes.readUInt16LE(0), headers, body_hex: bytes.toString('hex', at) };
}
