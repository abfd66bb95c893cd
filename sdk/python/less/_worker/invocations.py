"""Runs handlers and settles each invocation: from an Invoke to its Reply.

In: Invokes and Withdraws. Out: one Reply (or Returned) for each Invoke that nobody withdrew. An
invocation ends when its handler has, and every call it started (`calls`); what goes wrong later, or
outside any, is logged and harms nobody.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .. import _services as services
from .._json import to_json
from . import codec
from .calls import Calls
from .connection import Connection
from .errors import describe, is_retriable, render
from .http import ResponseTooLarge, to_response, to_status
from .logs import Log, Logs

# What waited longer than this is handed back: the server may have given it to another worker.
_STALE_MS = 500

current: "contextvars.ContextVar[Optional[Invocation]]" = contextvars.ContextVar("less", default=None)


class Invocation:
    __slots__ = (
        "calls", "failure", "handler", "has_ended", "id", "is_closed", "is_done", "last_answer", "lost",
        "own_log", "result", "started", "tasks",
    )  # fmt: skip

    def __init__(self, number: int, handler: Any) -> None:
        self.id = number
        self.handler = handler
        self.calls = 0  # begun and not answered
        self.is_done = False  # its handler has come to an end
        self.is_closed = False  # it failed from outside its handler, and may call nothing more
        self.has_ended = False  # replied, or withdrawn
        self.last_answer = 0  # the call that was answered when none was open any more
        self.result: Any = None
        self.failure: Optional[BaseException] = None
        self.started: Optional[list] = None  # calls of `…_async` that failed, each with its error
        self.tasks: Optional[list] = None  # tasks that failed
        self.lost: Optional[list] = None  # errors that ended its threads
        self.own_log: Optional[Log] = None

    @property
    def log(self) -> Log:
        if self.own_log is None:
            self.own_log = Log(self.id, self.handler.path, self.has_ended)
        return self.own_log


class Invocations:
    """`on_idle()` is called when nothing runs any more."""

    def __init__(self, connection: Connection, board: int, on_idle: Callable[[], None]) -> None:
        self.connection = connection
        self.send = connection.send
        self.board = board
        self.on_idle = on_idle
        self.waiting: Dict[int, codec.Invoke] = {}  # not begun
        self.live: Dict[int, Invocation] = {}
        self.loop: Any = None  # asynchronous.Loop, once there is one
        # What handlers begin with: what modules set while they were loaded, and nothing of another invocation.
        self.context = contextvars.Context()
        self.lock = threading.RLock()
        self.calls = Calls(self)

    def serve(self, project: str, limits: services.Limits, logs: Logs) -> None:
        """What does not change for as long as the process lives."""
        self.project = project
        self.limits = limits
        self.logs = logs

    def serve_handlers(self, table: List[Any]) -> None:
        self.table = table
        self.context = contextvars.copy_context()

    def give_back(self) -> None:
        """All that has not begun."""
        waiting, self.waiting = self.waiting, {}
        for number in waiting:
            self.send(codec.returned(number))

    def withdraw(self, number: int) -> None:
        """Nobody waits for it any more; if it has begun, it runs on unheard."""
        if self.waiting.pop(number, None):
            return
        with self.lock:
            invocation = self.live.pop(number, None)
            if not invocation:
                return
            invocation.has_ended = True
            self.calls.end(invocation)
            if invocation.own_log:
                self.logs.close(invocation.own_log)
        self._ended()

    def run(self, invoke: codec.Invoke) -> None:
        """A `def` handler, to its end, in a context of its own."""
        if self.waiting.pop(invoke.id, None):
            self.context.copy().run(self._run, invoke)

    def _run(self, invoke: codec.Invoke) -> None:
        invocation = self._begin(invoke)
        if invocation is None:
            return
        pid = os.getpid()
        result = failure = None
        try:
            result = invocation.handler.run(invoke, self)
        except BaseException as error:
            failure = error
        if os.getpid() != pid:
            _end_of_child(failure)
        self._done(invocation, result, failure)
        failure = None  # its traceback holds this frame

    def begin_async(self, invoke: codec.Invoke) -> None:
        """Not before the event loop comes to it: until then it is not marked as begun."""
        self.context.copy().run(self.event_loop().begin, self._run_async(invoke))

    async def _run_async(self, invoke: codec.Invoke) -> None:
        if not self.waiting.pop(invoke.id, None):
            return
        invocation = self._begin(invoke)
        if invocation is None:
            return
        result = failure = None
        try:
            result = await invocation.handler.run_async(invoke, self)
        except BaseException as error:
            failure = error
        self._done(invocation, result, failure)
        failure = None

    def event_loop(self) -> Any:
        if self.loop is None:
            from . import asynchronous

            make = contextvars.Context().run
            self.loop = make(asynchronous.Loop, self.connection, self.loop_lost, self.task_ended)
        return self.loop

    def complete(self, value: Any) -> Any:
        """What a `def` returned; an awaitable (of a wrapper around an `async def`) is run to its end."""
        return self.event_loop().complete(value) if hasattr(type(value), "__await__") else value

    def _begin(self, invoke: codec.Invoke) -> Optional[Invocation]:
        # Marked first, looked at the clock second: so no invocation runs in two workers.
        os.pwrite(self.board, codec.U64.pack(invoke.id), invoke.slot * 8)
        if time.clock_gettime(time.CLOCK_MONOTONIC) * 1000 - invoke.sent_at > _STALE_MS:
            self.send(codec.returned(invoke.id))
            return None
        invocation = Invocation(invoke.id, self.table[invoke.handler])
        self.live[invoke.id] = invocation
        current.set(invocation)
        return invocation

    def _done(self, invocation: Invocation, result: Any, failure: Optional[BaseException]) -> None:
        with self.lock:
            if invocation.is_closed:
                return
            invocation.is_done = True
            invocation.result = result
            invocation.failure = failure
            if invocation.calls == 0:
                self.settle(invocation)

    def fail(self, invocation: Optional[Invocation], error: BaseException) -> None:
        """Something it started raised where its handler could not catch it."""
        with self.lock:
            if invocation is None or invocation.has_ended:
                return self.tell(invocation, "uncaught", error)
            if invocation.is_closed:
                return self.tell(invocation, "a further error", error)
            if invocation.failure:
                self.tell(invocation, "the handler raised", invocation.failure)
            invocation.is_done = invocation.is_closed = True
            invocation.failure = error
            if invocation.calls == 0:
                self.settle(invocation)

    def settle(self, invocation: Invocation) -> None:
        """Replies, once nothing of it is open any more."""
        with self.lock:
            if not invocation.has_ended and invocation.calls == 0:
                self._reply(invocation)

    def _reply(self, invocation: Invocation) -> None:
        for error in self._unseen(invocation):
            if invocation.failure is None:
                invocation.failure = error
            elif invocation.failure is not error:
                self.tell(invocation, "an error that nobody caught", error)
        status, body, is_too_large = codec.RETURNED_OK, b"", False
        if invocation.failure is None:
            try:
                body = self._body(invocation)
            except Exception as error:
                invocation.failure = error
                is_too_large = isinstance(error, ResponseTooLarge) or getattr(error, "code", "") == "result_too_large"
        failure = invocation.failure
        if failure is not None:
            status = codec.THREW if is_retriable(failure) else codec.THREW_NOT_RETRIABLE
            status = codec.TOO_LARGE if is_too_large else status
            body = to_json(describe(failure))
        if invocation.own_log:
            self.logs.close(invocation.own_log)
        invocation.has_ended = True
        self.live.pop(invocation.id, None)
        # Its traceback holds frames that hold it: nothing of a large request may wait for the collector.
        invocation.failure = invocation.result = None
        self.send(codec.reply(invocation.id, status, body))
        self._ended()

    def _unseen(self, invocation: Invocation) -> List[BaseException]:
        errors = [error for started, error in invocation.started or () if not started.is_watched]
        # Python marks a task whose error somebody asked for.
        errors += [task._exception for task in invocation.tasks or () if task._log_traceback]
        for task in invocation.tasks or ():
            task._log_traceback = False
        return errors + (invocation.lost or [])

    def _body(self, invocation: Invocation) -> bytes:
        kind = invocation.handler.kind
        if kind == "route":
            return to_response(invocation.result, self.limits["response_bytes"])
        if kind == "socket":
            return to_status(invocation.result)
        if kind != "function":
            return b""
        limit = self.limits["response_bytes"]
        what = invocation.handler.path
        return services.to_payload(what, "result", invocation.result, limit, "its caller gets an error")

    def _ended(self) -> None:
        if not self.live:
            self.on_idle()

    def current(self) -> Optional[Invocation]:
        """The one that runs here, in this thread and this task."""
        return current.get()

    # What goes wrong where no handler can catch it.

    def task_ended(self, task: Any) -> None:
        """Called in the context of the task."""
        invocation = current.get()
        if invocation and not invocation.has_ended and not task.cancelled() and task._exception is not None:
            invocation.tasks = [*(invocation.tasks or ()), task]

    def thread_failed(self, given: Any) -> None:
        """As `threading.excepthook`, called in the context of the thread."""
        invocation = current.get()
        if given.exc_value is None or isinstance(given.exc_value, SystemExit):
            return
        if invocation and not invocation.has_ended:
            invocation.lost = [*(invocation.lost or ()), given.exc_value]
        else:
            self.tell(invocation, "uncaught", given.exc_value)

    def loop_lost(self, context: dict) -> None:
        """As an event loop's exception handler: of callbacks, and of tasks that nobody looked at."""
        handle = context.get("handle")
        invocation = handle._context.get(current) if handle is not None else None
        error = context.get("exception") or RuntimeError(context.get("message"))
        if handle is not None:
            self.fail(invocation, error)
        else:
            self.tell(None, "uncaught", error)

    def tell(self, invocation: Optional[Invocation], what: str, error: BaseException) -> None:
        self.logs.print(invocation.log if invocation else self.logs.common, 1, f"[less] {what}: {render(error)}")


def _end_of_child(failure: Optional[BaseException]) -> None:
    """A handler forked, and this is the child, which must not go on as a worker."""
    if isinstance(failure, SystemExit):
        code = failure.code if isinstance(failure.code, int) else int(failure.code is not None)
    else:
        code = int(failure is not None)
        if failure is not None:
            print(render(failure), file=sys.stderr)
    os._exit(code)
