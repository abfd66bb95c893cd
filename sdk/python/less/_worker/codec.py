"""Frames to bytes and back. The layout stands in the header of crates/less-protocol/src/lib.rs;
crates/less-protocol/golden/frames.json holds both sides to it.

Pure: no sockets, no clock.
"""

from __future__ import annotations

import base64
from struct import Struct
from typing import Any, Iterable, Tuple

from .._json import loads, to_json, to_utf8
from .._record import Record

LOAD, INVOKE, WITHDRAW, ANSWER, PING, STOP = 1, 2, 3, 4, 5, 6
LOADED, REPLY, RETURNED, CALL, LOG, PONG = 65, 66, 67, 68, 69, 70

VERSION = 2
MAX_FRAME = 64 << 20

MESSAGE, REQUEST, FUNCTION = 0, 1, 2

RETURNED_OK, THREW, THREW_NOT_RETRIABLE, TOO_LARGE = 0, 1, 2, 3

LENGTH = Struct("<I")
U64 = Struct("<Q")
_HEAD = Struct("<IB")
_U16 = Struct("<H")
_ID = Struct("<IBQ")
_REPLY = Struct("<IBQB")
_RESPONSE = Struct("<HH")
_CALL = Struct("<IBQQBH")
_LOG = Struct("<IBQBQ")
_ANSWER = Struct("<QB")
_INVOKE = Struct("<QHHBIQQQ16s16s16sI")


class Invoke:
    """An Invoke: its numbers are read at once, the rest when it begins."""

    __slots__ = (
        "attempt", "data", "deadline", "end", "handler", "head_at", "id", "invocation", "kind",
        "message_id", "payload_at", "published_at", "sent_at", "slot", "trace",
    )  # fmt: skip

    def __init__(self, data: bytes, at: int, end: int) -> None:
        (
            self.id, self.slot, self.handler, self.kind, self.attempt, self.published_at, self.deadline,
            self.sent_at, self.invocation, self.trace, self.message_id, head_length,
        ) = _INVOKE.unpack_from(data, at)  # fmt: skip
        self.data = data
        self.head_at = at + _INVOKE.size
        self.payload_at = self.head_at + head_length
        self.end = end
        if self.payload_at > end:
            raise ValueError("an Invoke that ends early")

    def json(self) -> Any:
        """A message, or a function's argument, as it was given."""
        return loads(self.data[self.payload_at : self.end].decode())

    def head(self) -> Any:
        return loads(self.data[self.head_at : self.payload_at].decode())

    def body(self, is_base64: bool) -> str:
        body = self.data[self.payload_at : self.end]
        return base64.b64encode(body).decode() if is_base64 else body.decode()

    def context(self, project: str, handler: str) -> Record:
        """What a handler's `context` tells of this invocation; times in milliseconds since 1970."""
        is_message = self.kind == MESSAGE
        return Record(
            project=project,
            handler=handler,
            invocation_id=_uuid(self.invocation),
            trace_id=_uuid(self.trace),
            message_id=_uuid(self.message_id) if is_message else None,
            attempt=self.attempt,
            published_at=self.published_at if is_message else None,
            deadline=self.deadline,
        )


def _uuid(given: bytes) -> str:
    text = given.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def read_answer(data: bytes, at: int, end: int) -> Tuple[int, bool, bytes]:
    """Of an Answer: the call, whether it succeeded, the JSON."""
    call, failed = _ANSWER.unpack_from(data, at)
    return call, failed == 0, data[at + _ANSWER.size : end]


def read_u64(data: bytes, at: int) -> int:
    return U64.unpack_from(data, at)[0]


def _frame(kind: int, body: bytes) -> bytes:
    return _HEAD.pack(len(body) + 1, kind) + body


def loaded(problems: Iterable[dict], exclusive: Iterable[int]) -> bytes:
    body = {"problems": list(problems), "exclusive": list(exclusive)}
    if not body["exclusive"]:
        del body["exclusive"]
    return _frame(LOADED, to_json(body))


def reply(number: int, status: int, body: bytes = b"") -> bytes:
    """`body`: nothing (a message), `response(…)`, a function's result, or what was thrown as JSON."""
    return _REPLY.pack(10 + len(body), REPLY, number, status) + body


def response(status: int, headers: Iterable[Tuple[str, str]], body: bytes) -> bytes:
    flat = [b""]
    count = 0
    for name, value in headers:
        count += 1
        written_name, written_value = name.encode(), to_utf8(value)
        flat += (_U16.pack(len(written_name)), written_name, LENGTH.pack(len(written_value)), written_value)
    flat[0] = _RESPONSE.pack(status, count)
    flat.append(body)
    return b"".join(flat)


def returned(number: int) -> bytes:
    return _ID.pack(9, RETURNED, number)


def call(number: int, invocation: int, service: int, target: str, options: bytes, payload: bytes) -> bytes:
    name = target.encode()
    length = _CALL.size - 4 + len(name) + 4 + len(options) + len(payload)
    head = _CALL.pack(length, CALL, number, invocation, service, len(name))
    return b"".join((head, name, LENGTH.pack(len(options)), options, payload))


def log(number: int, is_error: bool, time: int, text: bytes) -> bytes:
    return _LOG.pack(18 + len(text), LOG, number, is_error, time) + text


def pong(nonce: int) -> bytes:
    return _ID.pack(9, PONG, nonce)
