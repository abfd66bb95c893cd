"""Values to JSON and back, as the wire has it: UTF-8, no NaN, and an error that names what is no JSON."""

from __future__ import annotations

import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
loads = json.loads

_DEPTH = 64


class NotJson(ValueError):
    """Why a value cannot be written as JSON: `at items[2].created is a datetime, …`."""


def to_json(value: Any) -> bytes:
    """The value as JSON. A half of a surrogate pair, which UTF-8 does not have, is written as an escape."""
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as cause:
        raise NotJson(_find(value, "", _DEPTH) or str(cause) or type(cause).__name__) from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _encode_ascii(value).encode()


def to_utf8(text: str) -> bytes:
    """Text for people: what UTF-8 does not have becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def kind_of(value: Any) -> str:
    """For sentences: `a datetime`, `7`, `the string 'x'`."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        return f"{value}" if -(2**64) < value < 2**64 else "an int of many digits"
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _find(value: Any, path: str, depth: int) -> str | None:
    """The first thing that JSON does not have, and where it is."""
    where = f"at {path} is " if path else "it is "
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                return f"{where}a dict with a key that is {kind_of(key)}"
            found = depth and _find(item, f"{path}.{key}" if path else str(key), depth - 1)
            if found:
                return found
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            found = depth and _find(item, f"{path}[{i}]", depth - 1)
            if found:
                return found
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return f"{where}{value!r}, which JSON does not have"
    elif hasattr(value, "__await__"):
        return f"{where}a call that was not awaited"
    elif value is not None and not isinstance(value, (str, int, bool)):
        return f"{where}{kind_of(value)}, which JSON does not have{_way_out(value)}"
    return None


def _way_out(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return "; use .isoformat()"
    name = type(value).__name__
    ways = {"set": "list(…)", "frozenset": "list(…)", "Decimal": "str(…) or float(…)", "UUID": "str(…)"}
    ways["bytes"] = "base64 or .decode()"
    return f"; use {ways[name]}" if name in ways else ""
