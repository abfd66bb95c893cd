"""The process that runs a project's handlers: `python3 -u -X utf8 main.py`, started by the server.

In: frames from the inherited socket LESS_FD; the board LESS_BOARD_FD. Out: frames. It keeps nothing:
what it had not answered when it ends, the server knows.
"""

from __future__ import annotations

import sys

# The folder of this file must not be searched: its `http` is not Python's.
sys.path[0] = __file__.rsplit("/", 3)[0]

import atexit
import os
import signal
import socket
from collections import deque
from typing import Deque, Optional

from less import _services as services
from less._worker import attribution, codec, errors
from less._worker.connection import Connection
from less._worker.invocations import Invocations, current
from less._worker.load import load
from less._worker.logs import Log, Logs


class Worker:
    def __init__(self, sock: socket.socket, board: int) -> None:
        self.board = board
        self.connection = Connection(sock, self.take, die)
        self.invocations = Invocations(self.connection, board, self.exit_when_stopped)
        self.logs = Logs(self.connection.send, current_log)
        self.to_load: Optional[dict] = None
        self.alone: Deque[codec.Invoke] = deque()  # of `def` handlers
        self.is_stopping = False

    def run(self) -> None:
        connection, invocations = self.connection, self.invocations
        connection.turn.take()
        while True:
            if self.to_load:
                given, self.to_load = self.to_load, None
                self.load(given)
            while self.alone:
                invoke = self.alone.popleft()
                connection.turn.leave()
                invocations.run(invoke)
                connection.turn.take()
            if invocations.loop is None:
                connection.receive()
            else:
                invocations.loop.run()

    def take(self, kind: int, data: bytes, at: int, end: int) -> None:
        if kind == codec.INVOKE:
            self.invoke(codec.Invoke(data, at, end))
        elif kind == codec.ANSWER:
            self.invocations.calls.answer(*codec.read_answer(data, at, end))
        elif kind == codec.PING:
            self.connection.send(codec.pong(codec.read_u64(data, at)))
        elif kind == codec.WITHDRAW:
            self.invocations.withdraw(codec.read_u64(data, at))
        elif kind == codec.LOAD:
            self.to_load = codec.loads(data[at:end].decode())
            self.leave_loop()
        elif kind == codec.STOP:
            self.stop()
        else:
            raise ValueError(f"a frame of type {kind}")

    def load(self, given: dict) -> None:
        if given["version"] != codec.VERSION:
            versions = f"version {given['version']} of the protocol, this worker {codec.VERSION}"
            raise ValueError(f"the server speaks {versions}")
        root = os.path.realpath(given["root"])
        errors.set_root(root)
        self.logs.serve(given["limits"])
        self.invocations.serve(given["project"], given["limits"], self.logs)
        services.connect(self.invocations.calls, given["topics"], given["functions"], given.get("sockets", []))
        table, problems = load(root, given["handlers"], self.mark_loading)
        self.invocations.serve_handlers(table)
        exclusive = [place for place, handler in enumerate(table) if handler and handler.is_exclusive]
        self.connection.send(codec.loaded(problems, exclusive))

    def mark_loading(self, place: int) -> None:
        os.pwrite(self.board, codec.U64.pack(place + 1), 0)

    def invoke(self, invoke: codec.Invoke) -> None:
        invocations = self.invocations
        if self.is_stopping:
            self.connection.send(codec.returned(invoke.id))
            return
        invocations.waiting[invoke.id] = invoke
        if invocations.table[invoke.handler].is_async:
            invocations.begin_async(invoke)
        else:
            self.alone.append(invoke)
            self.leave_loop()

    def leave_loop(self) -> None:
        """For what has the main thread to itself: so it may run a loop of its own."""
        if self.invocations.loop is not None:
            self.invocations.loop.stop()

    def stop(self) -> None:
        """What runs may finish; what has not begun goes elsewhere."""
        self.is_stopping = True
        self.invocations.give_back()
        self.exit_when_stopped()

    def exit_when_stopped(self) -> None:
        """What handlers left in the background does not keep a stopped worker alive."""
        if not self.is_stopping or self.invocations.live:
            return
        self.connection.flush()
        atexit._run_exitfuncs()
        self.connection.flush()
        os._exit(0)


def current_log() -> Optional[Log]:
    invocation = current.get()
    return invocation.log if invocation else None


def die(error: BaseException) -> None:
    os.write(2, f"[less] the worker cannot go on: {errors.render(error)}\n".encode())
    os._exit(1)


def inherited(name: str) -> int:
    # Neither handlers nor the programs they start have a use for it.
    value = os.environ.pop(name, "")
    if not value.isdigit():
        sys.exit(f"[less] {name} is missing: the server starts this program, not a person")
    os.set_inheritable(int(value), False)
    return int(value)


def ignore_signals() -> None:
    """When to end is the server's to say: a signal to the whole group must not cut handlers short."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda *_: None)


def main() -> None:
    sock = socket.socket(fileno=inherited("LESS_FD"))
    sock.setblocking(True)
    worker = Worker(sock, inherited("LESS_BOARD_FD"))
    ignore_signals()
    worker.logs.install()
    attribution.install(worker.invocations, sock, worker.board)
    if sys.version_info < (3, 10):  # locks and queues take the event loop that is there when they are made
        worker.invocations.event_loop()
    try:
        worker.run()
    except BaseException as error:
        die(error)


if __name__ == "__main__":
    main()
