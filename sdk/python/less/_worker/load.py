"""Imports the handlers of a version and says, for their authors, why one cannot be served.

In: the `Load` frame's root and handlers. Out: a table to call them by, or problems. The folder `less`
is a package (`less_handlers`) to Python, and so is every folder in it, whatever its name: a handler
imports what lies beside it with a dot. Shared modules are found by their own names.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._json import kind_of
from . import http
from .codec import Invoke
from .problems import PACKAGE, BadHandler, explain

_EXAMPLES = {
    "route": "def process(request, response): …",
    "subscriber": "def process(message): …",
    "cron": "def process(): …",
    "function": "def process(payload): …",
    "socket": "def process(event): …",
}
_GIVEN = {"route": 2, "subscriber": 1, "cron": 0, "function": 1, "socket": 1}


class Handler:
    """A handler that can be called."""

    def __init__(self, path: str, kind: str, process: Callable[..., Any], middlewares: List[Any]) -> None:
        self.path = path
        self.kind = kind
        self.process = process
        self.middlewares = middlewares
        self.context = _wanted_context(process, kind)
        # It has the process for as long as it runs.
        self.is_exclusive = not _is_async(process)
        self.is_async = not self.is_exclusive or any(map(_is_async, middlewares))

    def run(self, invoke: Invoke, invocations: Any) -> Any:
        """All of it is `def`."""
        process, given = self._prepare(invoke, invocations.project)
        complete = invocations.complete
        if self.middlewares:
            return http.run_chain(self.middlewares, process, given, complete)
        result = complete(process(*given))
        return given[1] if result is None and self.kind == "route" else result

    async def run_async(self, invoke: Invoke, invocations: Any) -> Any:
        process, given = self._prepare(invoke, invocations.project)
        if self.middlewares:
            from . import asynchronous

            return await asynchronous.run_chain(self.middlewares, process, given, invocations.loop)
        result = process(*given)
        if hasattr(type(result), "__await__"):
            result = await result
        return given[1] if result is None and self.kind == "route" else result

    def _prepare(self, invoke: Invoke, project: str) -> Tuple[Callable[..., Any], Tuple[Any, ...]]:
        """What to call, and with what."""
        if self.kind == "route":
            given: Tuple[Any, ...] = http.build_request(invoke)
        elif self.kind == "socket":
            given = (http.to_event(invoke),)
        else:
            given = () if self.kind == "cron" else (invoke.json(),)
        invoke.data = b""  # all was read: a long invocation must not keep a whole read
        process = self.process
        if self.context is None:
            return process, given
        context = invoke.context(project, self.path)
        if self.context == "positional":
            return (lambda *given: process(*given, context)), given
        return (lambda *given: process(*given, context=context)), given


def load(root: str, handlers: List[dict], begin: Callable[[int], None]) -> Tuple[List[Optional[Handler]], List[dict]]:
    """All handlers, in order; with problems, the table has gaps. One after the other, each announced with
    `begin(place)`: so it is known which of them blocks or ends the process."""
    _make_packages(root)
    problems: Dict[Tuple[str, str], dict] = {}
    table: List[Optional[Handler]] = []
    for problem in _shared_problems(root):
        problems[problem["file"], problem["message"]] = problem
    for place, handler in enumerate(handlers):
        begin(place)
        handler_of: Optional[Handler] = None
        try:
            handler_of = _to_handler(handler, importlib.import_module(_module_name(handler["file"])))
        except BaseException as error:
            if isinstance(error, BadHandler):
                problem = {"file": handler["file"], "message": str(error)}
            else:
                problem = explain(error, root, handler["file"])
            # A fault in a shared module shows in every handler that uses it: told once.
            problems[problem["file"], problem["message"]] = problem
        table.append(handler_of)
    return table, list(problems.values())


def _make_packages(root: str) -> None:
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.join(root, "less")]
    sys.modules[PACKAGE] = package
    # Before the project's dependencies, which they may stand in for.
    sys.path.insert(0, os.path.join(root, "less", "shared"))


def _module_name(file: str) -> str:
    parts = file[: -len(".py")].split("/")[1:]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join([PACKAGE, *parts])


def _shared_problems(root: str) -> List[dict]:
    """A shared module with the name of a built-in one would be found instead of it, by everybody."""
    shared = os.path.join(root, "less", "shared")
    built_in = getattr(sys, "stdlib_module_names", frozenset(sys.builtin_module_names)) | {"less"}
    found = []
    for name in sorted(os.listdir(shared) if os.path.isdir(shared) else ()):
        folder = os.path.join(shared, name)
        if name in built_in and os.path.isdir(folder) and any(one.endswith(".py") for one in os.listdir(folder)):
            owner = "the SDK's" if name == "less" else "a built-in module's"
            message = f"'{name}' is {owner} name\nhint: give the shared module another one"
            found.append({"file": f"less/shared/{name}", "message": message})
    return found


def _to_handler(handler: dict, module: Any) -> Handler:
    kind = handler["kind"]
    process = getattr(module, "process", None)
    if process is None:
        raise BadHandler(f"does not define 'process'\nhint: {_EXAMPLES[kind]}")
    if not callable(process):
        raise BadHandler(f"defines a 'process' that is no function but {kind_of(process)}\nhint: {_EXAMPLES[kind]}")
    if inspect.isgeneratorfunction(process) or inspect.isasyncgenfunction(process):
        raise BadHandler(f"defines a 'process' with a yield in it, which would never run\nhint: {_EXAMPLES[kind]}")
    return Handler(handler["path"], kind, process, _to_middlewares(module) if kind == "route" else [])


def _to_middlewares(module: Any) -> List[Any]:
    middlewares = getattr(module, "middlewares", None)
    hint = "hint: middlewares = [check]   where   def check(request, response, next): …"
    if middlewares is None:
        other = getattr(module, "middleware", None)
        # It would be left out without a word, and it may be the one that asks for a password.
        if other is not None and not isinstance(other, types.ModuleType):
            raise BadHandler(f"defines 'middleware', which is not used; did you mean 'middlewares'?\n{hint}")
        return []
    if not isinstance(middlewares, (list, tuple)):
        raise BadHandler(f"defines 'middlewares' that are no list but {kind_of(middlewares)}\n{hint}")
    for i, middleware in enumerate(middlewares, 1):
        if not callable(middleware):
            raise BadHandler(f"item {i} of 'middlewares' is no function but {kind_of(middleware)}\n{hint}")
    return list(middlewares)


def _is_async(given: Any) -> bool:
    """`async def`, also within `functools.partial`, a decorator that says whom it wraps, or an object to call."""
    while isinstance(given, functools.partial):
        given = given.func
    given = inspect.unwrap(given)
    return inspect.iscoroutinefunction(given) or inspect.iscoroutinefunction(getattr(given, "__call__", None))


def _wanted_context(process: Callable[..., Any], kind: str) -> Optional[str]:
    """How `process` wants its context: `positional`, `keyword` or not at all."""
    try:
        parameters = inspect.signature(process).parameters
    except (TypeError, ValueError):
        return None  # something built in, which does not tell
    given = _GIVEN[kind]
    positional = [one for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    required = sum(one.default is one.empty for one in positional)
    takes_any = any(one.kind is one.VAR_POSITIONAL for one in parameters.values())
    hint = f"hint: {_EXAMPLES[kind]}   or with a further parameter, context"
    if len(positional) < given and not takes_any:
        count = "no parameter" if not positional else "one parameter"
        raise BadHandler(f"defines a 'process' with {count}; it is called with {given}\n{hint}")
    if required > given + 1:
        raise BadHandler(
            f"defines a 'process' with {required} parameters; it is called with {given + 1} at most\n{hint}"
        )
    for one in parameters.values():
        if one.kind is one.KEYWORD_ONLY and one.default is one.empty and one.name != "context":
            raise BadHandler(f"defines a 'process' that needs '{one.name}', which it is not given\n{hint}")
    if required == given + 1:
        return "positional"
    named = parameters.get("context")
    if named is None or named in positional[:given] or named.kind in (named.VAR_POSITIONAL, named.VAR_KEYWORD):
        return None
    return "positional" if named.kind is named.POSITIONAL_ONLY else "keyword"
