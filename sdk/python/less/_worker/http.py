"""Requests and responses, as handlers see them.

In: the head and body of an Invoke. Out: a status, headers and a body, checked, so that what a
handler returns wrongly is its own error (502), never the server's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable as IterableABC
from collections.abc import Mapping
from typing import Any, Callable, Dict, List, Tuple

from .._json import NotJson, kind_of, to_json, to_utf8
from .._record import Record
from . import codec


class ResponseTooLarge(Exception):
    """Why a response, or a function's result, cannot be sent as the handler gave it."""


class Headers(Record):
    """Looked up in any case: `headers["content-type"]`, `headers.get("CONTENT-TYPE")`, `headers.content_type`."""

    def __missing__(self, name: Any) -> Any:
        if isinstance(name, str):
            wanted = name.lower()
            for key, value in self.items():
                if key.lower() == wanted:
                    return value
        raise KeyError(name)

    def get(self, name: Any, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: Any) -> bool:
        return self.get(name) is not None

    def __getattr__(self, name: str) -> Any:
        found = self.get(name.replace("_", "-"))
        return super().__getattr__(name) if found is None else found


class Response(Record):
    """`status_code` and `statusCode` are one."""

    def __setitem__(self, name: Any, value: Any) -> None:
        super().__setitem__("statusCode" if name == "status_code" else name, value)

    def __missing__(self, name: Any) -> Any:
        if name == "status_code":
            return self["statusCode"]
        raise KeyError(name)

    def get(self, name: Any, default: Any = None) -> Any:
        return super().get("statusCode" if name == "status_code" else name, default)


def build_request(invoke: codec.Invoke) -> Tuple[Record, Response]:
    """A request, and the response that middlewares and handler share."""
    head = invoke.head()
    is_base64 = head["is_base64"]
    query = head["query"]
    every: Dict[str, List[str]] = Record()
    for name, value in query:
        every.setdefault(name, []).append(value)
    request = Record(
        method=head["method"],
        path=head["path"],
        headers=Headers(head["headers"]),
        query=Record(query),
        query_all=every,
        params=Record(head["params"]),
        body=invoke.body(is_base64),
        is_base64=is_base64,
    )
    return request, Response(statusCode=200, headers=Record(), body="")


def to_event(invoke: codec.Invoke) -> Record:
    """What a handler of a socket's connections, or of a channel, is told."""
    event = Record(invoke.json())
    if "headers" in event:
        event["headers"] = Headers(event["headers"])
        event["query"] = Record(event["query"])
    return event


def to_status(value: Any) -> bytes:
    """Of what such a handler returns only a status counts: what else it is (a document of a database) is nobody's."""
    if not isinstance(value, Mapping) or not has_status(value):
        return b"null"
    given = value.get("status_code")
    if given is None:
        given = value.get("statusCode")
    try:
        return to_json({"statusCode": int(given)})
    except (TypeError, ValueError, OverflowError):
        return b"null"


def to_response(value: Any, limit: int) -> bytes:
    """Checks what a route returned; the response as a Reply has it. Raises with what is wrong."""
    if not isinstance(value, Mapping) or not ("body" in value or "headers" in value or has_status(value)):
        ways = 'return {"status_code": …, "headers": {…}, "body": …}, or nothing'
        raise TypeError(f"process returned {kind_of(value)}, which is no response: {ways}")
    given = value.get("status_code")
    if given is None:
        given = value.get("statusCode")
    status = _status(200 if given is None else given)
    headers: Dict[str, Tuple[str, List[str]]] = {}
    given_headers = value.get("headers")
    size = _add_headers(headers, given_headers) if given_headers else 0
    body, content_type = _body(value.get("body"))
    if status in (204, 304):
        body = b""
    if body and "content-type" not in headers:
        headers["content-type"] = ("content-type", [content_type])
    size += len(body)
    if size > limit:
        raise ResponseTooLarge(f"the response of {size:,} bytes is larger than the limit of {limit:,} bytes")
    return codec.response(status, [(name, one) for name, values in headers.values() for one in values], body)


def has_status(value: Any) -> bool:
    return "statusCode" in value or "status_code" in value


def _status(given: Any) -> int:
    if isinstance(given, str) and re.fullmatch(r"[0-9]{3}", given):
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool) and 200 <= given <= 599:
        return int(given)
    told = given if isinstance(given, (int, float)) else kind_of(given)
    raise TypeError(f"status_code is {told}; it must be a whole number from 200 to 599")


# As much as clients and proxies commonly take.
_HEADER_BYTES = 64 << 10
_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_not_in_value = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


def _add_headers(into: Dict[str, Tuple[str, List[str]]], given: Any) -> int:
    """Fills `into` (lower-case name → name, values); of two cases of one name the later counts. Their size."""
    if isinstance(given, Mapping):
        pairs: Any = given.items()
    elif isinstance(given, IterableABC) and not isinstance(given, (str, bytes)):
        pairs = given
    else:
        raise TypeError(f"headers is {kind_of(given)}; it must be a dict of names and values")
    size = 0
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"headers has {kind_of(pair)} in it; it must be a dict of names and values")
        name, value = pair
        if value is None:
            continue
        if not isinstance(name, str) or not _is_name(name):
            raise TypeError(f"{name!r} is no name of a header")
        values = [_header_value(name, one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        size += sum(len(name) + len(one) + 4 for one in values)
        if values:
            into[name.lower()] = (name, values)
    if size > _HEADER_BYTES:
        raise TypeError(f"headers take {size} bytes; the limit is {_HEADER_BYTES}")
    return size


def _header_value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"the header '{name}' is {kind_of(value)}; it must be a string, a number or a list of them")
    text = value if isinstance(value, str) else _digits(value)
    if _not_in_value(text):
        raise TypeError(f"the header '{name}' has a line break or another control character in its value")
    return text


def _digits(value: Any) -> str:
    """Of an enumeration's member its number, whatever the version of Python calls it."""
    return str(int(value) if isinstance(value, int) else float(value))


_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


def _body(body: Any) -> Tuple[bytes, str]:
    if body is None or isinstance(body, str):
        return to_utf8(body or ""), _TEXT
    if isinstance(body, bool):
        return b"true" if body else b"false", _JSON
    if isinstance(body, (int, float)):
        return _digits(body).encode(), _TEXT
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), "application/octet-stream"
    if hasattr(body, "read") or hasattr(body, "__next__") or hasattr(body, "__anext__"):
        raise TypeError("body is a stream; read it and return its content")
    try:
        return to_json(body), _JSON
    except NotJson as reason:
        raise TypeError(f"body cannot be written as JSON: {reason}") from None


Process = Callable[[Any, Any], Any]


def run_chain(middlewares: List[Any], process: Process, given: Tuple[Any, ...], complete: Any) -> Any:
    """Where all are `def`: the middlewares, then the handler, one inside the other; what they returned, or
    `response` as it stands. `complete` runs an awaitable to its end, should one be returned all the same."""
    request, response = given

    def run_from(i: int) -> Any:
        if i == len(middlewares):
            result = complete(process(request, response))
            return response if result is None else result
        of_rest: Any = None

        def next(error: Any = None) -> Any:
            nonlocal of_rest
            if of_rest is not None:
                raise RuntimeError(f"middleware {i + 1} of {len(middlewares)} called next() twice")
            of_rest = response  # should the rest fail, and the middleware catch it
            if error is not None:
                raise as_error(error)
            of_rest = run_from(i + 1)
            return of_rest

        result = complete(middlewares[i](request, response, next))
        if result is not None:
            return result
        return response if of_rest is None else of_rest

    return run_from(0)


def as_error(error: Any) -> BaseException:
    """Of `next(error)`, as elsewhere: the rest must not run as if nothing had happened."""
    return error if isinstance(error, BaseException) else RuntimeError(str(error))
