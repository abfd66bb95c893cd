"""`topics`, `sockets` and `functions`: things by name, and an error that helps for a name that is not there."""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, Iterator, List, Optional, TypeVar

from ._errors import UnknownNameError

T = TypeVar("T")

_LISTED = 50


class Names(Generic[T]):
    """`names.a_b` and `names["a-b"]`. Until it is filled, as in a test, every name is there."""

    _thing: str
    _make: Callable[[str], T]
    _names: Optional[List[str]]

    def __init__(self, thing: str, make: Callable[[str], T]) -> None:
        state = self.__dict__
        state["_thing"] = thing
        state["_make"] = make
        state["_names"] = None

    def _fill(self, names: List[str]) -> None:
        state = self.__dict__
        for name in [name for name in state if not name.startswith("_")]:
            del state[name]
        state["_names"] = list(names)
        for name in names:
            made = state["_make"](name)
            for key in (name, name.replace("-", "_")):
                state[key] = made

    def __getattr__(self, name: str) -> T:
        """Asked only for what `_fill` did not put there."""
        if name.startswith("__"):
            raise AttributeError(name)
        if self._names is not None:
            raise UnknownNameError(f"unknown_{self._thing}", self._unknown(name, self._names))
        made = self.__dict__[name] = self._make(name)
        return made

    def _unknown(self, name: str, names: List[str]) -> str:
        thing = self._thing
        if not names:
            return f"there is no {thing} '{name}': the project has none; create the folder less/{thing}s/{name}"
        return unknown(f"there is no {thing}", name, f"The project's {thing}s", names)

    def __getitem__(self, name: str) -> T:
        """Only names of the project: one that comes from outside must not reach what every object has."""
        if self._names is None or (name in self.__dict__ and not name.startswith("_")):
            return getattr(self, name)
        raise UnknownNameError(f"unknown_{self._thing}", self._unknown(name, self._names))

    def __setitem__(self, name: str, value: T) -> None:
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in (self._names or ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names or ())

    def __dir__(self) -> List[str]:
        return [name.replace("-", "_") for name in self._names or ()]

    def __repr__(self) -> str:
        return f"<{self._thing}s: {', '.join(self._names or ()) or 'none'}>"


def unknown(subject: str, name: str, whose: str, names: List[str]) -> str:
    """Of a name that is not there: the nearest, and all there are."""
    near = nearest(name, names)
    meant = f"; did you mean '{near}'?" if near else "."
    listed = ", ".join(names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{subject} '{name}'{meant} {whose}: {listed}{more}"


def nearest(name: str, names: List[str], slips: int = 2) -> Optional[str]:
    """The name that was meant, if one is near enough: so many letters away, or a third of them."""
    if not names:
        return None
    distances: Dict[str, int] = {other: _distance(name, other) for other in names}
    best = min(names, key=lambda other: distances[other])
    return best if distances[best] <= max(slips, len(name) // 3) else None


def _distance(a: str, b: str) -> int:
    """Levenshtein's: how many letters to add, drop or change to make `a` of `b`, whatever their case."""
    a, b = a.lower(), b.lower()
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        following = [i]
        for j, other in enumerate(b, 1):
            following.append(min(row[j] + 1, following[-1] + 1, row[j - 1] + (letter != other)))
        row = following
    return row[-1]
