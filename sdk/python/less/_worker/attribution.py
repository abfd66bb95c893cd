"""Threads and child processes of handlers.

A thread that a handler starts, and what it hands to a pool, belongs to its invocation: Python itself
gives new threads no context. A forked child is no worker: it gets plain streams and no socket.
"""

from __future__ import annotations

import contextvars
import functools
import os
import signal
import socket
import sys
import threading
from typing import Any, Callable

from .invocations import Invocations, current


def install(invocations: Invocations, sock: socket.socket, board: int) -> None:
    _threads_keep_their_context()
    threading.excepthook = invocations.thread_failed
    os.register_at_fork(after_in_child=lambda: _after_fork(sock, board))


def _threads_keep_their_context() -> None:
    start = threading.Thread.start

    def start_in_context(thread: Any) -> None:
        _pools_keep_their_context()
        if current.get() is not None:
            # All of the thread's life, its excepthook included.
            thread._bootstrap = functools.partial(contextvars.copy_context().run, thread._bootstrap)
        start(thread)

    threading.Thread.start = start_in_context  # type: ignore[assignment, method-assign]


def _pools_keep_their_context() -> None:
    """Pools are made once and used by many invocations. Called when a thread is started, as a pool does for what is
    handed to it first: before that there is nothing to patch, and importing it takes time."""
    module: Any = sys.modules.get("concurrent.futures.thread")
    if module and not hasattr(module.ThreadPoolExecutor.submit, "__wrapped__"):
        module.ThreadPoolExecutor.submit = _in_context(module.ThreadPoolExecutor.submit)


def _in_context(submit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(submit)
    def submit_in_context(self: Any, what: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if current.get() is not None:
            what = functools.partial(contextvars.copy_context().run, what)
        return submit(self, what, *args, **kwargs)

    return submit_in_context


def _after_fork(sock: socket.socket, board: int) -> None:
    current.set(None)  # it may call nothing
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
    os.close(sock.detach())
    os.close(board)
