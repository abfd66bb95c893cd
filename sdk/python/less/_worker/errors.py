"""What handlers raise, told to their authors: name, message, and a traceback without our own frames.

Whatever is raised (an exception that raises when looked at) can be told.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Dict, Iterator, List, Optional

from .._errors import FunctionError, NonRetriableError

_NAME_CHARS = 256
_MESSAGE_CHARS = 8 << 10
_STACK_CHARS = 32 << 10
_OURS = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, "<frozen importlib", importlib.__file__)

# The project's folder, left out of the paths in tracebacks; set once, when it is known.
_root = "/"


def set_root(folder: str) -> None:
    global _root
    _root = folder.rstrip("/") + "/"


def is_ours(filename: str) -> bool:
    """Frames that no author of a handler wrote or chose."""
    return filename.startswith(_OURS)


def in_project(filename: str) -> Optional[str]:
    """The path relative to the project's root, of a file that is its own."""
    relative = filename[len(_root) :] if filename.startswith(_root) else None
    return None if relative is None or "site-packages/" in relative else relative


def describe(thrown: BaseException) -> Dict[str, str]:
    """Name, message and stack of anything raised."""
    try:
        name = (isinstance(thrown, FunctionError) and thrown.name or type(thrown).__name__)[:_NAME_CHARS]
        return {"name": name, "message": _message(thrown)[:_MESSAGE_CHARS], "stack": _stack(thrown)[:_STACK_CHARS]}
    except BaseException:  # its own __str__ may do anything
        return {"name": "Error", "message": "something that cannot be described was raised", "stack": ""}


def _message(thrown: BaseException) -> str:
    if isinstance(thrown, SystemExit):
        code = "" if thrown.code is None else repr(thrown.code)
        return f"sys.exit({code}) was called: it ends the invocation, not the process"
    return str(thrown)


def _stack(thrown: BaseException) -> str:
    import traceback  # only what fails pays for it

    told = traceback.TracebackException(type(thrown), thrown, thrown.__traceback__)
    for one in _with_causes(told, set()):
        one.stack[:] = [frame for frame in one.stack if not is_ours(frame.filename)]
    return "".join(told.format()).rstrip("\n").replace(_root, "" if _root != "/" else "/")


def _with_causes(told: Any, seen: set) -> Iterator[Any]:
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]


def frames(thrown: BaseException) -> List[Any]:
    """Where it was raised, outermost first, as `traceback` tells it, without our own."""
    import traceback

    return [frame for frame in traceback.extract_tb(thrown.__traceback__) if not is_ours(frame.filename)]


def relative(text: str) -> str:
    return text.replace(_root, "")


def render(thrown: BaseException) -> str:
    """As many lines as a log should have of it."""
    told = describe(thrown)
    return told["stack"] or f"{told['name']}: {told['message']}"


def is_retriable(thrown: BaseException) -> bool:
    """The class may come from another copy of the SDK, so its name counts as well."""
    if isinstance(thrown, NonRetriableError) or type(thrown).__name__ == "NonRetriableError":
        return False
    together = getattr(thrown, "exceptions", None)  # of an ExceptionGroup
    if isinstance(together, tuple) and together:
        return any(is_retriable(one) for one in together)
    return True
