"""Runs handlers and settles each invocation: from an Invoke to its Reply.

In: Invokes, Withdraws and Answers. Out: Calls, one Reply (or Returned) for each Invoke that nobody
withdrew. An invocation ends when its handler has, and every call it started; what goes wrong later, or
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
from .._errors import CallError, FunctionError, NonRetriableError
from .._json import loads, to_json
from . import codec
from .connection import Connection
from .errors import describe, is_retriable, render
from .http import ResponseTooLarge, to_response
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


class Call:
    """A call that waits for its Answer: in place, or (`started`) as something to await."""

    __slots__ = ("error", "invocation", "is_done", "request", "started", "value")

    def __init__(self, invocation: Invocation, request: services.Request) -> None:
        self.invocation = invocation
        self.request = request
        self.is_done = False
        self.value: Any = None
        self.error: Optional[BaseException] = None
        self.started: Any = None


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
        self._pending: Dict[int, Call] = {}
        self._next_call = 1
        self._lock = threading.RLock()

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
        with self._lock:
            invocation = self.live.pop(number, None)
            if not invocation:
                return
            invocation.has_ended = True
            for call, waiting in list(self._pending.items()):
                if waiting.invocation is invocation:
                    del self._pending[call]
                    self._finish(waiting, None, CallError("invocation_ended", "the invocation ended before the answer"))
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
        with self._lock:
            if invocation.is_closed:
                return
            invocation.is_done = True
            invocation.result = result
            invocation.failure = failure
            if invocation.calls == 0:
                self._settle(invocation)

    def fail(self, invocation: Optional[Invocation], error: BaseException) -> None:
        """Something it started raised where its handler could not catch it."""
        with self._lock:
            if invocation is None or invocation.has_ended:
                return self.tell(invocation, "uncaught", error)
            if invocation.is_closed:
                return self.tell(invocation, "a further error", error)
            if invocation.failure:
                self.tell(invocation, "the handler raised", invocation.failure)
            invocation.is_done = invocation.is_closed = True
            invocation.failure = error
            if invocation.calls == 0:
                self._settle(invocation)

    def _settle(self, invocation: Invocation) -> None:
        with self._lock:
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
        if invocation.failure is not None:
            error = invocation.failure
            status = codec.THREW if is_retriable(error) else codec.THREW_NOT_RETRIABLE
            status = codec.TOO_LARGE if is_too_large else status
            body = to_json(describe(error))
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
        if kind != "function":
            return b""
        limit = self.limits["response_bytes"]
        what = invocation.handler.path
        return services.to_payload(what, "result", invocation.result, limit, "its caller gets an error")

    def _ended(self) -> None:
        if not self.live:
            self.on_idle()

    # What the SDK calls; see `_services.connect`.

    def call(self, what: str, make: services.Make) -> Any:
        """Waits in place for the answer: within the event loop, everything else waits too."""
        call = self._send(what, make)
        received = self.give_back if self._gives_back(call) else _nothing
        received()
        self.connection.wait(lambda: call.is_done, received)
        if call.error is not None:
            raise call.error
        return call.value

    def _gives_back(self, call: Call) -> bool:
        """What has not begun: it may be what this call waits for, or it would wait as long as a handler does."""
        loop_runs = self.loop is not None and self.loop.is_running
        if loop_runs and threading.get_ident() != self.connection.main:
            return False
        return not loop_runs or call.request.service == services.FUNCTION or call.invocation.handler.is_exclusive

    def start(self, what: str, make: services.Make) -> Any:
        """Something to await. It has begun, whether or not it is awaited."""
        from . import asynchronous

        running = asynchronous.running_loop()
        if running is None or self.loop is None or running is not self.loop.loop:
            return asynchronous.Ready(self.call(what, make))
        started = asynchronous.Started(running.create_future())
        self._send(what, make, started)
        return started

    def _send(self, what: str, make: services.Make, started: Any = None) -> Call:
        invocation = current.get()
        if invocation is None:
            message = f"{what} was called outside any invocation; call it from a handler's process"
            raise CallError("no_invocation", message)
        request = make(self.limits)
        call = Call(invocation, request)
        call.started = started
        with self._lock:
            if invocation.has_ended or invocation.is_closed:
                message = f"{what} was called after its invocation ended; await or join what process starts"
                raise CallError("invocation_ended", message)
            number = self._next_call
            self._next_call += 1
            self._pending[number] = call
            invocation.calls += 1
        self.send(codec.call(number, invocation.id, *request[:4]))
        return call

    def answer(self, number: int, is_ok: bool, answer: bytes) -> None:
        with self._lock:
            call = self._pending.pop(number, None)
            if call is None:
                return
            value, error = (call.request.read(answer), None) if is_ok else (None, _error(loads(answer)))
            self._finish(call, value, error)
            invocation = call.invocation
            if not invocation.is_done or invocation.calls > 0:
                return
            if self.loop is None or not self.loop.is_running:
                self._settle(invocation)
                return
            # Those who waited for it may call again, and be answered, before this comes to its turn.
            invocation.last_answer = number
            self.loop.later(lambda: invocation.last_answer == number and self._settle(invocation))

    def _finish(self, call: Call, value: Any, error: Optional[BaseException]) -> None:
        invocation = call.invocation
        invocation.calls -= 1
        if call.started is None:
            call.value, call.error, call.is_done = value, error, True
            self.connection.turn.tell()
            return
        if error is not None:
            invocation.started = [*(invocation.started or ()), (call.started, error)]
        if not call.started.future.done():  # a task that awaited it may have been cancelled
            call.started.future.set_result((value, error))

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


def _nothing() -> None:
    """What is done between two reads of an answer."""


def _error(given: dict) -> Exception:
    code, message, name = given["code"], given["message"], given.get("name")
    if code != "function_failed":
        return CallError(code, message)
    if name != "NonRetriableError":
        return FunctionError(message, name)
    error = NonRetriableError(message)
    error.code = code
    return error


def _end_of_child(failure: Optional[BaseException]) -> None:
    """A handler forked, and this is the child, which must not go on as a worker."""
    if isinstance(failure, SystemExit):
        code = failure.code if isinstance(failure.code, int) else int(failure.code is not None)
    else:
        code = int(failure is not None)
        if failure is not None:
            print(render(failure), file=sys.stderr)
    os._exit(code)
