"""The socket to the server: frames in, frames out, from whichever thread.

The main thread reads, except while a synchronous handler runs: then a thread of that handler which
waits for an answer does. One thread reads at a time (`Turn`).
"""

from __future__ import annotations

import os
import select
import socket
import threading
from typing import Callable, List, Optional

from . import codec

_READ = 256 << 10
_UNSENT = 64 << 10


class Connection:
    """`take(type, data, at, end)` gets each frame's body; `broken(error)` ends the process."""

    def __init__(
        self,
        sock: socket.socket,
        take: Callable[[int, bytes, int, int], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self.socket = sock
        self.take = take
        self.broken = broken
        self.turn = Turn()
        self.main = threading.get_ident()
        # Set while an event loop runs: the frames of one turn of it leave in one write.
        self.schedule: Optional[Callable[[], None]] = None
        self._pending = bytearray()  # the start of a frame that is not whole yet
        self._needed = 0  # its length, once known
        self._out: List[bytes] = []
        # Reentrant: a destructor that prints may run in the middle of a write.
        self._writing = threading.RLock()

    def receive(self, flags: int = 0) -> None:
        """Reads once and takes what is whole. With MSG_DONTWAIT there may be nothing."""
        try:
            data = self.socket.recv(_READ, flags)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            os._exit(0)  # the server is gone, or has no use for this process any more
        pending = self._pending
        if pending:
            pending += data
            if len(pending) < self._needed:
                return
            data = bytes(pending)
            self._pending = bytearray()
        try:
            self._cut(data)
        except BaseException as error:
            self.broken(error)

    def _cut(self, data: bytes) -> None:
        at, size = 0, len(data)
        self._needed = 4
        while size - at >= 4:
            (length,) = codec.LENGTH.unpack_from(data, at)
            if not 1 <= length <= codec.MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            end = at + 4 + length
            if end > size:
                self._needed = 4 + length
                break
            self.take(data[at + 4], data, at + 5, end)
            at = end
        if at < size:
            self._pending = bytearray(data[at:])

    def send(self, frame: bytes) -> None:
        """Within the event loop it leaves with the others of this turn, else at once: what a handler printed before
        it hung or ended its process is told."""
        with self._writing:
            self._out.append(frame)
        schedule = self.schedule
        if schedule is None or threading.get_ident() != self.main or len(frame) > _UNSENT:
            self.flush()
        elif len(self._out) == 1:
            schedule()

    def flush(self) -> None:
        with self._writing:
            frames, self._out = self._out, []
            if not frames:
                return
            try:
                self.socket.sendall(frames[0] if len(frames) == 1 else b"".join(frames))
            except OSError:
                os._exit(0)

    def wait(self, is_done: Callable[[], bool], received: Callable[[], None]) -> None:
        """Reads, in place, until `is_done()`; `received()` is called after each read."""
        self.flush()
        turn = self.turn
        if threading.get_ident() != self.main:
            while turn.take_unless(is_done):
                try:
                    if turn.readable(self.socket):
                        self.receive(socket.MSG_DONTWAIT)
                        received()
                finally:
                    turn.leave()
            return
        had = turn.is_mains
        if not had:
            turn.take()
        try:
            while not is_done():
                self.receive()
                received()
        finally:
            if not had:
                turn.leave()


class Turn:
    """Whose turn it is to read the socket. The main thread is waited for by the others, and goes first."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._is_taken = False
        self._is_wanted = False
        self._waiting = 0
        self.is_mains = False
        self._wake: Optional[tuple] = None

    def take(self) -> None:
        """By the main thread; a thread that reads gives way at once."""
        with self._changed:
            if self._is_taken:
                self._is_wanted = True
                os.write(self._wake_pipe()[1], b"!")
                while self._is_taken:
                    self._changed.wait()
                os.read(self._wake_pipe()[0], 16)
                self._is_wanted = False
            self._is_taken = self.is_mains = True

    def leave(self) -> None:
        with self._changed:
            self._is_taken = self.is_mains = False
            if self._waiting or self._is_wanted:
                self._changed.notify_all()

    def tell(self) -> None:
        """An answer has come that another thread may wait for."""
        if self._waiting:
            with self._changed:
                self._changed.notify_all()

    def take_unless(self, is_done: Callable[[], bool]) -> bool:
        """By another thread: False once `is_done()`, True when it is its turn to read."""
        with self._changed:
            self._waiting += 1
            try:
                while (self._is_taken or self._is_wanted) and not is_done():
                    self._changed.wait()
            finally:
                self._waiting -= 1
            if is_done():
                return False
            self._wake_pipe()
            self._is_taken = True
            return True

    def readable(self, sock: socket.socket) -> bool:
        """Waits until there is something to read; False when the main thread wants its turn."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(self._wake_pipe()[0], select.POLLIN)
        poll.poll()
        return not self._is_wanted

    def _wake_pipe(self) -> tuple:
        if self._wake is None:
            self._wake = os.pipe()
        return self._wake
