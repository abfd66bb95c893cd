"""Keys, paths and options of calls, checked before anything is sent."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Optional

from ._errors import CallError
from ._json import kind_of, to_json
from ._names import unknown

# What an option must be, if its value is not that.
Checks = Dict[str, Callable[[Any], Optional[str]]]

# Of a file's path; the server has the same limit.
_PATH_BYTES = 1024

_U32 = 2**32 - 1
_U53 = 2**53 - 1


def of_publish(what: str, given: Any, named: Dict[str, Any], key_bytes: int) -> bytes:
    """`given` is a dict of options, `named` what was given by name; empty where nothing is wanted."""
    checks = {
        "delay": lambda value: (
            None if _is_number(value) and value >= 0 else _no("a number of seconds, 0 or more", value)
        ),
        "idempotency_key": lambda value: _not_key(value, key_bytes),
        "ordering_key": lambda value: _not_key(value, key_bytes),
    }
    found = _read(what, given, named, checks)
    return to_json(found) if found else b""


def of_connections(what: str, given: Any) -> bytes:
    """One id or several. Who is None is nobody, and told as gone."""
    if isinstance(given, str):
        given = [given]
    try:
        ids = [] if given is None else list(given)
    except TypeError:
        message = f"{what}: connections must be an id or a list of ids, not {kind_of(given)}"
        raise CallError("bad_option", message) from None
    for one in ids:
        wrong = None if one is None else _not_text(one, _U32)
        if wrong:
            raise CallError("bad_option", f"{what}: the id of a connection must be {wrong}")
    return to_json({"connections": ids})


def of_set(what: str, key: Any, third: Any, ttl: Any, if_version: Any, key_bytes: int) -> bytes:
    """`third` is the third argument of `kvs.set`: seconds, or a dict of options."""
    _check_key(what, key, key_bytes)
    given = third if isinstance(third, dict) or third is None else {"ttl": third}
    checks = {
        "ttl": _not_time,
        "if_version": lambda value: _not_whole(value, 0, _U53),
    }
    return to_json({"key": key, **_read(what, given, {"ttl": ttl, "if_version": if_version}, checks)})


def of_key(what: str, key: Any, key_bytes: int) -> bytes:
    _check_key(what, key, key_bytes)
    return to_json({"key": key})


def of_increment(what: str, key: Any, by: Any, key_bytes: int) -> bytes:
    _check_key(what, key, key_bytes)
    checks = {"by": lambda value: None if _is_number(value) else _no("a finite number", value)}
    return to_json({"key": key, **_read(what, {"by": by}, {}, checks)})


def of_list(what: str, prefix: Any, after: Any, limit: Any, key_bytes: int) -> bytes:
    wanted = _not_text(prefix, key_bytes)
    if wanted:
        raise CallError("bad_key", f"{what}: a prefix must be {wanted}")
    return to_json({"key": prefix, **_page(what, after, limit, key_bytes)})


def of_url(what: str, path: Any, given: Any, expires_in: Any) -> bytes:
    checks = {"expires_in": _not_time}
    return to_json({"path": _path(what, path), **_read(what, given, {"expires_in": expires_in}, checks)})


def of_path(what: str, path: Any) -> bytes:
    return to_json({"path": _path(what, path)})


def of_files(what: str, prefix: Any, after: Any, limit: Any) -> bytes:
    wanted = _not_text(prefix, _PATH_BYTES)
    if wanted:
        raise CallError("bad_path", f"{what}: a prefix must be {wanted}")
    return to_json({"path": prefix, **_page(what, after, limit, _PATH_BYTES)})


def _path(what: str, path: Any) -> str:
    """As far as its characters are not wrong: those the server reads."""
    wanted = _not_key(path, _PATH_BYTES)
    if wanted:
        raise CallError("bad_path", f"{what}: a path must be {wanted}")
    return path


def _page(what: str, after: Any, limit: Any, most: int) -> Dict[str, Any]:
    given = after if isinstance(after, dict) else {"after": after}
    checks = {
        "after": lambda value: _not_text(value, most),
        "limit": lambda value: _not_whole(value, 1, _U32),
    }
    return _read(what, given, {"limit": limit}, checks)


def _read(what: str, given: Any, named: Dict[str, Any], checks: Checks) -> Dict[str, Any]:
    """All options, each checked; None is not given."""
    if given is not None and not isinstance(given, dict):
        names = ", ".join(checks)
        raise CallError("bad_option", f"{what}: options must be a dict of {names}, not {kind_of(given)}")
    found: Dict[str, Any] = {}
    for name, value in [*(given or {}).items(), *named.items()]:
        if name not in checks:
            raise CallError("bad_option", unknown(f"{what} has no option", str(name), "Its options", list(checks)))
        if value is None:
            continue
        wanted = "given once; it is there twice" if name in found else checks[name](value)
        if wanted:
            raise CallError("bad_option", f"{what}: {name} must be {wanted}")
        found[name] = value
    return found


def _check_key(what: str, key: Any, limit: int) -> None:
    wanted = _not_key(key, limit)
    if wanted:
        raise CallError("bad_key", f"{what}: a key must be {wanted}")


def _no(wanted: str, value: Any) -> str:
    return f"{wanted}, not {kind_of(value)}"


def _not_key(value: Any, limit: int) -> Optional[str]:
    """What a key must be, if this is none."""
    wanted = "a string that is not empty"
    return _no(wanted, value) if value == "" else _not_text(value, limit, wanted)


def _not_text(value: Any, limit: int, wanted: str = "a string") -> Optional[str]:
    if not isinstance(value, str):
        return _no(wanted, value)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return f"text, and {value[:40]!r} has half a surrogate pair"
    return f"at most {limit:,} bytes long; it has {size:,} bytes" if size > limit else None


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _not_time(value: Any) -> Optional[str]:
    return None if _is_number(value) and value > 0 else _no("a number of seconds, more than 0", value)


def _not_whole(value: Any, least: int, most: int) -> Optional[str]:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return None if is_whole else _no(f"a whole number, {least} or more", value)
