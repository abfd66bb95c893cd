"""What calls of the SDK raise, and what handlers may raise."""

from __future__ import annotations

from typing import Optional


class NonRetriableError(Exception):
    """Raised by a subscriber, the delivery is not tried again."""

    code: Optional[str] = None  # `function_failed`, where a function raised it


class CallError(Exception):
    """Why a call of the SDK failed; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple:
        return (type(self), (self.code, self.message))


class FunctionError(CallError):
    """A called function raised: its message, and the `name` of what it raised."""

    def __init__(self, message: str, name: Optional[str] = None, code: str = "function_failed") -> None:
        super().__init__(code, message)
        self.name = name

    def __reduce__(self) -> tuple:
        return (type(self), (self.message, self.name, self.code))


class UnknownNameError(CallError, AttributeError, LookupError):
    """There is no topic or function of this name; the message names those there are."""

    # As of AttributeError: Python would look for a near name itself, and ours is told already.
    name = None
    obj = None


for _error in (NonRetriableError, CallError, FunctionError, UnknownNameError):
    _error.__module__ = "less"  # as authors know them, in tracebacks
