"""Why a handler cannot be imported, and where: for its author, with a hint.

In: what importing raised. Out: a problem: the file (relative to the root, with a line where one is
known) and a message.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, List, Optional

from .._names import nearest
from .errors import describe, frames, in_project, relative

# The name by which Python knows the folder `less` of the project.
PACKAGE = "less_handlers"


class BadHandler(Exception):
    """A module that was imported and is no handler."""


def explain(error: BaseException, root: str, file: str) -> dict:
    """`file`: the handler that was to be imported."""
    own = [frame for frame in frames(error) if in_project(frame.filename)]
    place = f"{in_project(own[-1].filename)}:{own[-1].lineno}" if own else file
    if isinstance(error, SyntaxError):
        return _syntax(error, place)
    if isinstance(error, ModuleNotFoundError) and error.name:
        folder = os.path.dirname(own[-1].filename if own else os.path.join(root, file))
        shared = _entries(os.path.join(root, "less", "shared"))
        return {"file": place, "message": _missing(error.name, folder, shared, frames(error))}
    if isinstance(error, ImportError):
        return {"file": place, "message": _not_in_module(error, own[-1].filename if own else "")}
    if isinstance(error, SystemExit):
        return {"file": place, "message": "calls sys.exit() while it is loaded\nhint: only 'process' may end something"}
    told = describe(error)
    lines = "".join(_line(frame) for frame in frames(error))
    what = f"{told['name']}: {told['message']}" if told["message"] else told["name"]
    return {"file": place, "message": relative(f"fails while it is loaded: {what}{lines}")}


def _line(frame: Any) -> str:
    source = f"\n    {frame.line}" if frame.line else ""
    return f'\n  File "{frame.filename}", line {frame.lineno}, in {frame.name}{source}'


def _syntax(error: SyntaxError, place: str) -> dict:
    file = in_project(error.filename or "")
    if file:
        place = f"{file}:{error.lineno}" if error.lineno else file
    message = f"syntax error: {relative(error.msg or '')}"
    text = (error.text or "").rstrip()
    if text.strip():
        indent = len(text) - len(text.lstrip())
        message += f"\n    {text.lstrip()}"
        if error.offset and error.offset > indent:
            end = getattr(error, "end_offset", None) if getattr(error, "end_lineno", None) == error.lineno else None
            width = max(1, min(end or 0, len(text) + 1) - error.offset)
            message += f"\n    {' ' * (error.offset - 1 - indent)}{'^' * width}"
    return {"file": place, "message": message}


def _missing(name: str, folder: str, shared: List[str], all_frames: List[Any]) -> str:
    """`folder`: of the file that imports it. `shared`: the names of the shared modules."""
    if name == PACKAGE or name.startswith(PACKAGE + "."):
        there = "/".join(["less", *name.split(".")[1:]])
        return f"cannot find '{there}.py'\nhint: {_beside(name.rpartition('.')[2], folder)}"
    top = name.split(".")[0]
    if os.path.isfile(os.path.join(folder, f"{name}.py")) or os.path.isdir(os.path.join(folder, top)):
        way = f"from . import {name}" if "." not in name else f"from .{name} import …"
        return f"cannot find the module '{name}'\nhint: what lies beside this file is imported with a dot: {way}"
    by = ""
    if all_frames and not in_project(all_frames[-1].filename):
        by = f", which {_package_of(all_frames[-1].filename)} needs"
    if top != name and top in sys.modules:
        return f"cannot find the module '{name}'{by}\nhint: check its name; '{top}' is there, but has no such module"
    add = f"add it to requirements.txt (its package may have another name than '{top}')"
    # Short names of packages are near to one another without being meant.
    near = nearest(top, ["less", *shared], slips=1)
    if near:
        return f"cannot find the module '{top}'{by}\nhint: did you mean '{near}'? Else {add}"
    return f"cannot find the module '{top}'{by}\nhint: {add}; a shared module is a folder less/shared/{top}"


def _package_of(filename: str) -> str:
    found = re.search(r"/(?:site|dist)-packages/([^/]+)", filename)
    return found.group(1) if found else relative(filename)


def _beside(name: str, folder: str) -> str:
    names = [entry[:-3] if entry.endswith(".py") else entry for entry in _entries(folder)]
    near = nearest(name, names)
    return f"did you mean '{near}'?" if near else "check its name, and that the file lies under less/"


def _entries(folder: Optional[str]) -> List[str]:
    if folder is None:
        return []
    try:
        return [entry for entry in os.listdir(folder) if not entry.startswith(("_", "."))]
    except OSError:
        return []


def _not_in_module(error: ImportError, importer: str) -> str:
    """`from x import y`, where x has no y."""
    wanted = re.search(r"cannot import name '([^']+)'", str(error))
    # To Python, an __init__.py that asks for a file beside it that is not there imports itself.
    is_circle = "circular import" in str(error) and error.path != importer
    if wanted is None or is_circle:
        return _without_package(relative(str(error))) + "\nhint: check what imports what"
    name, module = wanted.group(1), error.name or ""
    shown = _without_package(module)
    if module == "less":
        there, folder = list(sys.modules["less"].__all__), None
    else:
        there = [one for one in dir(sys.modules.get(module)) if not one.startswith("_")]
        folder = _folder_of(module, error.path)
    near = nearest(name, there + [one.split(".")[0] for one in _entries(folder)])
    if near:
        hint = f"did you mean '{near}'?"
    elif module == "less":
        hint = f"it has {', '.join(there)}"
    elif folder:
        hint = f"{shown} does not define it, and there is no file {name}.py in its folder"
    else:
        hint = f"check what {shown} defines"
    return f"cannot import '{name}' from '{shown}'\nhint: {hint}"


def _folder_of(module: str, path: Optional[str]) -> Optional[str]:
    """Where the parts of a package are. One that could not be imported Python has forgotten."""
    if path and path.endswith("/__init__.py"):
        return os.path.dirname(path)
    return next(iter(getattr(sys.modules.get(module), "__path__", [])), None)


def _without_package(text: str) -> str:
    return text.replace(PACKAGE + ".", "less.").replace(PACKAGE, "less")
