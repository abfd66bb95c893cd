"""What handlers print, line by line, with the invocation that printed it.

In: writes to sys.stdout and sys.stderr (so `print`, `logging` and `warnings`), attributed through a
context variable. Out: Log frames. Bounds, per invocation: lines, bytes, and bytes a line; what is
beyond is counted, and told in one last line. What is printed outside any invocation has no bound but
a line's. What writes to the descriptors themselves (child processes, native code) bypasses this and
reaches the server's pipes.
"""

from __future__ import annotations

import io
import math
import sys
import time
from typing import Any, Callable, Dict, Optional

from .._json import to_utf8
from . import codec


class Log:
    """The log of one invocation, or of none (id 0)."""

    __slots__ = ("bytes", "handler", "id", "is_late", "left_bytes", "left_lines", "lines", "partial")

    def __init__(self, number: int, handler: str, is_late: bool) -> None:
        self.id = number
        self.handler = handler
        self.is_late = is_late  # its invocation has ended, and the server knows the id no more
        self.lines: float = 0
        self.bytes = 0
        self.left_lines = 0
        self.left_bytes = 0
        self.partial = ["", ""]  # what was written without a line's end, per stream


class Logs:
    """`current()` gives the Log of the running invocation, or None."""

    def __init__(self, send: Callable[[bytes], None], current: Callable[[], Optional[Log]]) -> None:
        self.send = send
        self.current = current
        self.common = Log(0, "", False)
        self.serve({"log_lines": math.inf, "log_bytes": math.inf, "log_line_bytes": 64 << 10})

    def serve(self, limits: Dict[str, Any]) -> None:
        self.max_lines = limits["log_lines"]
        self.max_bytes = limits["log_bytes"]
        self.max_line = limits["log_line_bytes"]

    def install(self) -> None:
        """Takes over the two streams; what `logging` and `warnings` hold of them comes later."""
        sys.stdout = Stream(self, 0)
        sys.stderr = Stream(self, 1)

    def write(self, stream: int, text: str) -> None:
        log = self.current() or self.common
        partial = log.partial
        if text == "\n":  # the second of the two writes of `print("…")`
            line, partial[stream] = partial[stream], ""
            self.line(log, stream, line)
            return
        lines = text.split("\n")
        for line in lines[:-1]:
            whole = partial[stream] + line
            partial[stream] = ""
            self.line(log, stream, whole)
        if lines[-1]:
            opened = partial[stream] + lines[-1]
            partial[stream] = opened[: self.max_line]
            log.left_bytes += len(opened) - len(partial[stream])

    def print(self, log: Log, stream: int, text: str) -> None:
        """Whole lines, apart from what `write` left open."""
        if log.partial[stream]:
            opened, log.partial[stream] = log.partial[stream], ""
            self.line(log, stream, opened)
        for line in text.split("\n"):
            self.line(log, stream, line)

    def line(self, log: Log, stream: int, text: str) -> None:
        """One line, within the limits."""
        if text[-1:] == "\r":
            text = text[:-1]
        written = to_utf8(text)
        length = len(written)
        if log.id and (log.lines >= self.max_lines or log.bytes + length > self.max_bytes):
            log.lines = math.inf  # once something is left out, all that follows is: no gaps
            log.left_lines += 1
            log.left_bytes += length
            return
        if length > self.max_line:
            written = _cut(written, self.max_line)
            log.left_bytes += length - len(written)
            length = len(written)
        log.lines += 1
        log.bytes += length
        self.tell(log, stream, written)

    def tell(self, log: Log, stream: int, text: bytes) -> None:
        now = int(time.time() * 1000)
        if log.is_late:
            self.send(codec.log(0, stream == 1, now, f"[{log.handler}, after its end] ".encode() + text))
        else:
            self.send(codec.log(log.id, stream == 1, now, text))

    def close(self, log: Log) -> None:
        """The invocation has ended: what is open is sent, then what was left out is told."""
        for stream in (0, 1):
            opened, log.partial[stream] = log.partial[stream], ""
            if opened:
                self.line(log, stream, opened)
        if log.left_lines or log.left_bytes:
            left = f"{log.left_lines:,} lines" if log.left_lines else f"{log.left_bytes:,} bytes"
            limits = (
                f"{self.max_lines:,} lines and {self.max_bytes:,} bytes an invocation, {self.max_line:,} bytes a line"
            )
            self.tell(log, 1, f"[less] {left} of this log were left out; the limits are {limits}".encode())
        log.is_late = True


def _cut(written: bytes, size: int) -> bytes:
    """At most so many bytes of UTF-8, whole characters."""
    while size > 0 and written[size] & 0xC0 == 0x80:
        size -= 1
    return written[:size]


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the handlers."""

    def __init__(self, logs: Logs, stream: int) -> None:
        super().__init__()
        self._write = logs.write
        self._stream = stream
        self.buffer = _Buffer(self)
        self.name = ("<stdout>", "<stderr>")[stream]
        self.mode = "w"

    encoding = "utf-8"
    errors = "replace"
    line_buffering = True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._write(self._stream, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For programs that a handler starts: what they write reaches the log without an invocation."""
        return self._stream + 1

    def reconfigure(self, **_: Any) -> None:
        """As of a file; its encoding and its lines are as they are."""

    def close(self) -> None:
        """A handler that closes it closes it for itself only: there is nothing to close."""


class _Buffer(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes, taken to be UTF-8."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def write(self, data: Any) -> int:
        written = bytes(data)
        self._stream.write(written.decode("utf-8", "replace"))
        return len(written)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def close(self) -> None:
        """There is nothing to close."""
