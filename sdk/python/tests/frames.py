"""The server's side of the codec, for tests: the same golden frames hold it to the layout."""

import json
import os
import struct
import sys
from uuid import UUID

SDK = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, SDK)

NIL = str(UUID(int=0))
KINDS = {"message": 0, "request": 1, "call": 2}
SERVICES = {1: "publish", 2: "function", 3: "kvs", 4: "sockets", 5: "files"}


def frame(kind, *parts):
    body = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return struct.pack("<IB", len(body) + 1, kind) + body


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode(fields):
    """A frame of the server, from its fields as the golden file names them."""
    kind = fields["type"]
    if kind == "load":
        return frame(1, dumps(fields["load"]))
    if kind == "invoke":
        return _invoke(fields)
    if kind == "withdraw":
        return frame(3, struct.pack("<Q", fields["id"]))
    if kind == "answer":
        error = fields.get("error")
        return frame(4, struct.pack("<QB", fields["call"], error is not None), dumps(error) if error else fields["ok"])
    if kind == "ping":
        return frame(5, struct.pack("<Q", int(fields["nonce"])))
    if kind == "stop":
        return frame(6)
    raise ValueError(f"no frame of a server: {kind}")


def _invoke(fields):
    kind = KINDS[fields["kind"]]
    head = dumps(fields["head"]).encode() if kind == 1 else b""
    return frame(
        2,
        struct.pack(
            "<QHHBIQQQ",
            fields["id"],
            fields["slot"],
            fields["handler"],
            kind,
            fields.get("attempt", 1),
            fields.get("published_at", 0),
            fields["deadline"],
            fields["sent_at"],
        ),
        *(UUID(fields.get(name, NIL)).bytes for name in ("invocation", "trace", "message")),
        struct.pack("<I", len(head)),
        head,
        bytes.fromhex(fields["body_hex"]) if kind == 1 else fields["payload"],
    )


def decode(data, kind_of=lambda _: "message"):
    """The fields of a worker's frame (type and body). `kind_of(id)`: what the Invoke was."""
    kind, body = data[0], data[1:]
    if kind == 65:
        return {"type": "loaded", **json.loads(body)}
    if kind == 66:
        number, status = struct.unpack_from("<QB", body)
        reply = {"type": "reply", "id": number, "status": status}
        if status > 0:
            return {**reply, "thrown": json.loads(body[9:])}
        what = kind_of(number)
        if what == "request":
            return {**reply, "response": _response(body[9:])}
        return {**reply, "result": body[9:].decode()} if what == "call" else reply
    if kind == 67:
        return {"type": "returned", "id": struct.unpack("<Q", body)[0]}
    if kind == 68:
        call, number, service, length = struct.unpack_from("<QQBH", body)
        (options,) = struct.unpack_from("<I", body, 19 + length)
        payload = 23 + length + options
        return {
            "type": "call",
            "call": call,
            "id": number,
            "service": SERVICES[service],
            "target": body[19 : 19 + length].decode(),
            "options": body[23 + length : payload].decode(),
            "payload": body[payload:].decode(),
        }
    if kind == 69:
        number, is_error, time = struct.unpack_from("<QBQ", body)
        return {"type": "log", "id": number, "error": is_error == 1, "time": time, "text": body[17:].decode()}
    if kind == 70:
        return {"type": "pong", "nonce": str(struct.unpack("<Q", body)[0])}
    raise ValueError(f"no frame of a worker: {kind}")


def _response(body):
    status, count = struct.unpack_from("<HH", body)
    headers, at = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", body, at)
        name, at = body[at + 2 : at + 2 + length], at + 2 + length
        (length,) = struct.unpack_from("<I", body, at)
        value, at = body[at + 4 : at + 4 + length], at + 4 + length
        headers.append([name.decode(), value.decode()])
    return {"status": status, "headers": headers, "body_hex": body[at:].hex()}
