"""Dicts whose keys are attributes too."""

from __future__ import annotations

from typing import Any, Iterable


class Record(dict):
    """`record.name` and `record["name"]` are the same; keys named like a method of dict need `[…]`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            there = ", ".join(map(str, self)) or "nothing"
            raise AttributeError(f"there is no '{name}' here, but {there}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(key for key in self if isinstance(key, str))]
