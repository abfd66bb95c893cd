"""Files, as handlers ask for them: URLs to bring and fetch their bytes, and what there is."""

from __future__ import annotations

from typing import Any, Callable, Coroutine, Dict, List, Optional

from . import _options as options
from ._errors import UnknownNameError
from ._json import loads
from ._names import unknown
from ._record import Record
from ._services import FILES, Request, _call, _start


class Files:
    """The project's files. Their bytes are sent and fetched over HTTP, at the URLs that are made here."""

    def create_upload_url(
        self, path: str, options: Optional[Dict[str, Any]] = None, *, expires_in: Optional[float] = None
    ) -> str:
        """A URL to which the bytes are sent with PUT. `expires_in`: seconds, an hour unless given, a week at most."""
        return _call(*_url("create_upload_url", path, options, expires_in))

    def create_upload_url_async(
        self, path: str, options: Optional[Dict[str, Any]] = None, *, expires_in: Optional[float] = None
    ) -> Coroutine[Any, Any, str]:
        return _start(*_url("create_upload_url", path, options, expires_in))

    def get_url(
        self, path: str, options: Optional[Dict[str, Any]] = None, *, expires_in: Optional[float] = None
    ) -> str:
        """A URL from which the bytes are fetched; of a path that begins with `public/` one without a signature and
        without end."""
        return _call(*_url("get_url", path, options, expires_in))

    def get_url_async(
        self, path: str, options: Optional[Dict[str, Any]] = None, *, expires_in: Optional[float] = None
    ) -> Coroutine[Any, Any, str]:
        return _start(*_url("get_url", path, options, expires_in))

    def list(self, prefix: str = "", after: Optional[str] = None, limit: Optional[int] = None) -> List[Record]:
        """`{"path", "size", "content_type", "etag", "uploaded_at"}` of the files whose paths begin with `prefix`, in
        order; at most 1,000, or `limit`; only those after `after`."""
        return _call(*_list(prefix, after, limit))

    def list_async(
        self, prefix: str = "", after: Optional[str] = None, limit: Optional[int] = None
    ) -> Coroutine[Any, Any, List[Record]]:
        return _start(*_list(prefix, after, limit))

    def delete(self, path: str) -> bool:
        """Whether there was something to delete."""
        return _call(*_delete(path))

    def delete_async(self, path: str) -> Coroutine[Any, Any, bool]:
        return _start(*_delete(path))

    def __getattr__(self, name: str) -> Any:
        """Asked only for what is not there."""
        if name.startswith("_"):
            raise AttributeError(name)
        methods = [one for one in vars(Files) if not one.startswith("_") and not one.endswith("_async")]
        raise UnknownNameError("unknown_method", unknown("files has no method", name, "Its methods", methods))

    def __repr__(self) -> str:
        return "<files>"


def _asking(name: str, how: Callable[[str], bytes], read: Callable[[bytes], Any] = loads) -> Any:
    what = f"files.{name}"
    return what, lambda limits: Request(FILES, name, how(what), b"", read)


def _url(name: str, path: Any, given: Any, expires_in: Any) -> Any:
    return _asking(name, lambda what: options.of_url(what, path, given, expires_in))


def _list(prefix: Any, after: Any, limit: Any) -> Any:
    return _asking("list", lambda what: options.of_files(what, prefix, after, limit), _entries)


def _delete(path: Any) -> Any:
    return _asking("delete", lambda what: options.of_path(what, path))


def _entries(answer: bytes) -> List[Record]:
    return [Record(entry) for entry in loads(answer)]


files = Files()
