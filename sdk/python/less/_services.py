"""Topics, sockets, functions and the key-value store, as handlers call them; files stand in `_files`.

In: arguments, checked here, so that nothing wrong or too large crosses the socket. Out: a `Request`
for the worker that `connect` named. Without a worker, calls say why they fail.
"""

from __future__ import annotations

from typing import Any, Callable, Coroutine, Dict, Iterable, List, NamedTuple, Optional, Union

from . import _options as options
from ._errors import CallError, UnknownNameError
from ._json import NotJson, loads, to_json
from ._names import Names, unknown
from ._record import Record

PUBLISH = 1
FUNCTION = 2
KVS = 3
SOCKETS = 4
FILES = 5


class Request(NamedTuple):
    """What is asked of the server; `read` makes the caller's value of the answer's JSON."""

    service: int
    target: str
    options: bytes
    payload: bytes
    read: Callable[[bytes], Any]


Limits = Dict[str, int]
Make = Callable[[Limits], Request]

_worker: Any = None


def connect(worker: Any, topic_names: List[str], function_names: List[str], socket_names: List[str]) -> None:
    """Called once by the worker, before it loads handlers. It has `call(what, make)` and `start(what, make)`."""
    global _worker
    _worker = worker
    topics._fill(topic_names)
    functions._fill(function_names)
    sockets._fill(socket_names)


def _call(what: str, make: Make) -> Any:
    if _worker is None:
        raise _outside(what)
    return _worker.call(what, make)


def _start(what: str, make: Make) -> Any:
    if _worker is None:
        raise _outside(what)
    return _worker.start(what, make)


def _outside(what: str) -> CallError:
    way = f"in a test, replace it: unittest.mock.patch.object({', '.join(_parts(what))}, return_value=…)"
    return CallError("not_in_less", f"{what} works only in a handler that Less runs (less-cli run or deploy); {way}")


def _parts(what: str) -> List[str]:
    """Of `topics.a.publish`: what to patch, and its attribute."""
    owner, _, name = what.rpartition(".")
    return [owner, repr(name)]


def to_payload(what: str, noun: str, value: Any, limit: int, outcome: str) -> bytes:
    """The value as JSON; `outcome` says what becomes of it if it is none, or too large."""
    try:
        written = to_json(value)
    except NotJson as reason:
        raise CallError(f"{noun}_not_json", f"{what}: the {noun} cannot be written as JSON: {reason}") from None
    if len(written) > limit:
        sizes = f"the {noun} has {len(written):,} bytes, the limit is {limit:,} bytes"
        raise CallError(f"{noun}_too_large", f"{what}: {sizes}; {outcome}")
    return written


def _record(answer: bytes) -> Record:
    return Record(loads(answer))


class Topic:
    """One topic: `publish` returns once the message survives a power cut."""

    def __init__(self, name: str) -> None:
        self.name = name

    def publish(
        self,
        message: Any,
        options: Optional[Dict[str, Any]] = None,
        *,
        delay: Optional[float] = None,
        idempotency_key: Optional[str] = None,
        ordering_key: Optional[str] = None,
    ) -> Record:
        """Publishes a JSON value; gives `{"id": …}`. `delay` is in seconds."""
        return _call(*self._publish(message, options, delay, idempotency_key, ordering_key))

    def publish_async(
        self,
        message: Any,
        options: Optional[Dict[str, Any]] = None,
        *,
        delay: Optional[float] = None,
        idempotency_key: Optional[str] = None,
        ordering_key: Optional[str] = None,
    ) -> Coroutine[Any, Any, Record]:
        """As `publish`, to be awaited; it has begun when this returns."""
        return _start(*self._publish(message, options, delay, idempotency_key, ordering_key))

    def _publish(self, message: Any, given: Any, delay: Any, idempotency_key: Any, ordering_key: Any) -> Any:
        what = f"topics.{self.name}.publish"
        named = {"delay": delay, "idempotency_key": idempotency_key, "ordering_key": ordering_key}

        def make(limits: Limits) -> Request:
            payload = to_payload(what, "message", message, limits["message_bytes"], "nothing was published")
            how = options.of_publish(what, given, named, limits["key_bytes"])
            return Request(PUBLISH, self.name, how, payload, _record)

        return what, make

    def __repr__(self) -> str:
        return f"<topic {self.name}>"


class Function:
    """One function, in whatever language: `functions.charge(payload)`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, payload: Any = None) -> Any:
        """Its result. What it threw is raised here as FunctionError (or NonRetriableError), with its message."""
        return _call(*self._invoke(payload))

    def call_async(self, payload: Any = None) -> Coroutine[Any, Any, Any]:
        """As a plain call, to be awaited; it has begun when this returns."""
        return _start(*self._invoke(payload))

    def _invoke(self, payload: Any) -> Any:
        what = f"functions.{self.name}"

        def make(limits: Limits) -> Request:
            written = to_payload(what, "argument", payload, limits["response_bytes"], "nothing was called")
            return Request(FUNCTION, self.name, b"", written, loads)

        return what, make

    def __repr__(self) -> str:
        return f"<function {self.name}>"


Connections = Union[str, Iterable[Optional[str]], None]


class Socket:
    """One socket: sends messages, as JSON, to those who are connected. Gives `{"sent": count, "gone": [id]}`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def publish(self, message: Any, connections: Connections = None) -> Record:
        """To these connections: one id, or several (None: to nobody). At most 32 KiB."""
        return _call(*self._to(message, connections))

    def publish_async(self, message: Any, connections: Connections = None) -> Coroutine[Any, Any, Record]:
        """As `publish`, to be awaited; it has begun when this returns."""
        return _start(*self._to(message, connections))

    def broadcast(self, message: Any) -> Record:
        """To everybody who is connected."""
        return _call(*self._to_all(message))

    def broadcast_async(self, message: Any) -> Coroutine[Any, Any, Record]:
        """As `broadcast`, to be awaited; it has begun when this returns."""
        return _start(*self._to_all(message))

    def _to(self, message: Any, connections: Any) -> Any:
        what = f"sockets.{self.name}.publish"
        return self._sending(what, message, lambda: options.of_connections(what, connections))

    def _to_all(self, message: Any) -> Any:
        return self._sending(f"sockets.{self.name}.broadcast", message, lambda: b"")

    def _sending(self, what: str, message: Any, how: Callable[[], bytes]) -> Any:
        def make(limits: Limits) -> Request:
            payload = to_payload(what, "message", message, limits["socket_message_bytes"], "nothing was sent")
            return Request(SOCKETS, self.name, how(), payload, _record)

        return what, make

    def __repr__(self) -> str:
        return f"<socket {self.name}>"


class Kvs:
    """The project's key-value store. Any JSON value; a change is durable when its call returns."""

    def get(self, key: str) -> Any:
        """The value, or None."""
        return _call(*_keyed("get", "get", key, _value))

    def get_async(self, key: str) -> Coroutine[Any, Any, Any]:
        return _start(*_keyed("get", "get", key, _value))

    def get_with_version(self, key: str) -> Optional[Record]:
        """`{"value": …, "version": …}`, or None."""
        return _call(*_keyed("get_with_version", "get", key, _with_version))

    def get_with_version_async(self, key: str) -> Coroutine[Any, Any, Optional[Record]]:
        return _start(*_keyed("get_with_version", "get", key, _with_version))

    def set(
        self,
        key: str,
        value: Any,
        ttl_seconds: Union[float, Dict[str, Any], None] = None,
        *,
        ttl: Optional[float] = None,
        if_version: Optional[int] = None,
    ) -> Record:
        """Replaces value and time to live; gives `{"version": …}`. With `if_version`, only if the value there has
        that version (0: only if there is none), else CallError with the code `version_conflict`."""
        return _call(*self._set(key, value, ttl_seconds, ttl, if_version))

    def set_async(
        self,
        key: str,
        value: Any,
        ttl_seconds: Union[float, Dict[str, Any], None] = None,
        *,
        ttl: Optional[float] = None,
        if_version: Optional[int] = None,
    ) -> Coroutine[Any, Any, Record]:
        return _start(*self._set(key, value, ttl_seconds, ttl, if_version))

    def delete(self, key: str) -> bool:
        """Whether there was something to delete."""
        return _call(*_keyed("delete", "delete", key))

    def delete_async(self, key: str) -> Coroutine[Any, Any, bool]:
        return _start(*_keyed("delete", "delete", key))

    def increment(self, key: str, by: float = 1) -> Union[int, float]:
        """Adds to a number, from 0 if there is none; gives the new one."""
        return _call(*_increment(key, by))

    def increment_async(self, key: str, by: float = 1) -> Coroutine[Any, Any, Union[int, float]]:
        return _start(*_increment(key, by))

    def list(self, prefix: str = "", after: Optional[str] = None, limit: Optional[int] = None) -> List[str]:
        """The keys that begin with `prefix`, in order; at most 1,000, or `limit`; only those after `after`."""
        return _call(*_list(prefix, after, limit))

    def list_async(
        self, prefix: str = "", after: Optional[str] = None, limit: Optional[int] = None
    ) -> Coroutine[Any, Any, List[str]]:
        return _start(*_list(prefix, after, limit))

    def _set(self, key: Any, value: Any, third: Any, ttl: Any, if_version: Any) -> Any:
        what = "kvs.set"

        def make(limits: Limits) -> Request:
            given = options.of_set(what, key, third, ttl, if_version, limits["key_bytes"])
            payload = to_payload(what, "value", value, limits["value_bytes"], "nothing was set")
            return Request(KVS, "set", given, payload, _record)

        return what, make

    def __getattr__(self, name: str) -> Any:
        """Asked only for what is not there."""
        if name.startswith("_"):
            raise AttributeError(name)
        methods = [one for one in vars(Kvs) if not one.startswith("_") and not one.endswith("_async")]
        raise UnknownNameError("unknown_method", unknown("kvs has no method", name, "Its methods", methods))

    def __repr__(self) -> str:
        return "<kvs>"


def _asking(name: str, target: str, how: Callable[[str, int], bytes], read: Callable[[bytes], Any] = loads) -> Any:
    what = f"kvs.{name}"
    return what, lambda limits: Request(KVS, target, how(what, limits["key_bytes"]), b"", read)


def _keyed(name: str, target: str, key: Any, read: Callable[[bytes], Any] = loads) -> Any:
    return _asking(name, target, lambda what, most: options.of_key(what, key, most), read)


def _increment(key: Any, by: Any) -> Any:
    return _asking("increment", "increment", lambda what, most: options.of_increment(what, key, by, most))


def _list(prefix: Any, after: Any, limit: Any) -> Any:
    return _asking("list", "list", lambda what, most: options.of_list(what, prefix, after, limit, most))


def _value(answer: bytes) -> Any:
    found = loads(answer)
    return None if found is None else found["value"]


def _with_version(answer: bytes) -> Optional[Record]:
    found = loads(answer)
    return None if found is None else Record(found)


topics: Names[Topic] = Names("topic", Topic)
functions: Names[Function] = Names("function", Function)
kvs = Kvs()
sockets: Names[Socket] = Names("socket", Socket)
