"""Options of calls: their names and types, checked before anything is sent."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

from ._errors import CallError
from ._json import kind_of, to_json
from ._names import nearest

_PUBLISH = ("delay", "idempotency_key", "ordering_key")
_SET = ("ttl", "if_version")
_U32 = 2**32 - 1
_U64 = 2**64 - 1


def of_publish(what: str, given: Optional[Dict[str, Any]], named: Dict[str, Any]) -> bytes:
    """`given` is the dict of options, `named` what was given by keyword."""
    found = _merged(what, given, named, _PUBLISH)
    if not found:
        return b""
    if "delay" in found:
        _number(what, "delay", found["delay"], "a number of seconds, 0 or more", lambda n: n >= 0)
    for name in ("idempotency_key", "ordering_key"):
        if name in found:
            _text(what, name, found[name])
    return to_json(found)


def of_set(what: str, key: Any, third: Any, ttl: Any, if_version: Any, key_bytes: int) -> bytes:
    """`third` is the third argument of `kvs.set`: seconds, or a dict of options."""
    given = third if isinstance(third, dict) else None
    named = {"ttl": ttl, "if_version": if_version}
    if given is None and third is not None:
        if ttl is not None:
            raise _bad(what, "ttl_seconds and ttl are the same; give one of them")
        named["ttl"] = third
    found = _merged(what, given, named, _SET)
    if "ttl" in found:
        _number(what, "ttl", found["ttl"], "a number of seconds, more than 0", lambda n: n > 0)
    if "if_version" in found:
        _whole(what, "if_version", found["if_version"], 0, _U64)
    return _with_key(what, key, key_bytes, found)


def of_kvs(what: str, target: str, key: Any, named: Dict[str, Any], key_bytes: int) -> bytes:
    """Of all but `set`."""
    found = {name: value for name, value in named.items() if value is not None}
    if target == "increment":
        _number(what, "by", named["by"], "a finite number", lambda _: True)
        if named["by"] == 1:
            del found["by"]
    if target != "list":
        return _with_key(what, key, key_bytes, found)
    _key(what, "prefix", key, key_bytes)
    if "after" in found:
        _key(what, "after", found["after"], key_bytes)
    if "limit" in found:
        _whole(what, "limit", found["limit"], 1, _U32)
    return to_json({"key": key, **found})


def _merged(what: str, given: Any, named: Dict[str, Any], names: tuple) -> Dict[str, Any]:
    """Without those that are None: what is missing is not wanted."""
    found = {name: value for name, value in named.items() if value is not None}
    if given is None:
        return found
    if not isinstance(given, dict):
        raise _bad(what, f"the options are {kind_of(given)}; they must be a dict, or given by name")
    for name, value in given.items():
        if name not in names:
            near = nearest(str(name), list(names))
            meant = f"; did you mean '{near}'?" if near else "."
            raise _bad(what, f"there is no option '{name}'{meant} Options: {', '.join(names)}")
        if value is not None:
            if name in found:
                raise _bad(what, f"the option '{name}' is given twice")
            found[name] = value
    return found


def _with_key(what: str, key: Any, key_bytes: int, found: Dict[str, Any]) -> bytes:
    _key(what, "key", key, key_bytes)
    if key == "":
        raise CallError("bad_key", f"{what}: the key is empty")
    return to_json({"key": key, **found})


def _key(what: str, name: str, key: Any, key_bytes: int) -> None:
    if not isinstance(key, str):
        raise CallError("bad_key", f"{what}: the {name} is {kind_of(key)}; it must be a string")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise CallError("bad_key", f"{what}: the {name} has half of a surrogate pair, which is no text") from None
    if size > key_bytes:
        raise CallError("bad_key", f"{what}: the {name} has {size:,} bytes, the limit is {key_bytes:,} bytes")


def _number(what: str, name: str, value: Any, wanted: str, is_right: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not _is_finite(value) or not is_right(value):
        told = repr(value) if is_number else kind_of(value)
        raise _bad(what, f"{name} is {told}; it must be {wanted}")


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _whole(what: str, name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        told = repr(value) if isinstance(value, (int, float)) else kind_of(value)
        raise _bad(what, f"{name} is {told}; it must be a whole number, {least} or more")


def _text(what: str, name: str, value: Any) -> None:
    if not isinstance(value, str) or value == "":
        raise _bad(what, f"{name} is {kind_of(value)}; it must be a string that is not empty")


def _bad(what: str, message: str) -> CallError:
    return CallError("bad_option", f"{what}: {message}")
