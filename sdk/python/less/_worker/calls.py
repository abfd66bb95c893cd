"""What handlers ask of the server: Calls, and the Answers they wait for.

In: what the SDK prepares (`_services`), and Answers. Out: Call frames; values and errors, to whoever
waits in place or awaits.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional

from .. import _services as services
from .._errors import CallError, FunctionError, NonRetriableError
from .._json import loads
from . import codec


class Call:
    """A call that waits for its Answer: in place, or (`started`) as something to await."""

    __slots__ = ("error", "invocation", "is_done", "request", "started", "value")

    def __init__(self, invocation: Any, request: services.Request, started: Any) -> None:
        self.invocation = invocation
        self.request = request
        self.started = started
        self.is_done = False
        self.value: Any = None
        self.error: Optional[BaseException] = None


class Calls:
    """`invocations` are those that call; their lock guards the counts of open calls."""

    def __init__(self, invocations: Any) -> None:
        self.invocations = invocations
        self.connection = invocations.connection
        self._open: Dict[int, Call] = {}
        self._next = 1

    def call(self, what: str, make: services.Make) -> Any:
        """Waits in place for the answer: within the event loop, everything else waits too."""
        self._refuse_to_block(what, make)
        call = self._send(what, make, None)
        received = self.invocations.give_back if self._gives_back(call) else _nothing
        received()
        self.connection.wait(lambda: call.is_done, received)
        if call.error is not None:
            raise call.error
        return call.value

    def _refuse_to_block(self, what: str, make: services.Make) -> None:
        """A function may need this very loop: whoever waits for it within must let it run."""
        loop, invocation = self.invocations.loop, self.invocations.current()
        if invocation is None or invocation.handler.is_exclusive or loop is None or not loop.is_running:
            return
        if threading.get_ident() == self.connection.main and make(self.invocations.limits).service == services.FUNCTION:
            raise CallError("blocking_call", f"{what} blocks the event loop; write: await {what}.call_async(…)")

    def _gives_back(self, call: Call) -> bool:
        """What has not begun: it may be what this call waits for, or it would wait as long as a handler does."""
        loop = self.invocations.loop
        loop_runs = loop is not None and loop.is_running
        if loop_runs and threading.get_ident() != self.connection.main:
            return False
        return not loop_runs or call.request.service == services.FUNCTION or call.invocation.handler.is_exclusive

    def start(self, what: str, make: services.Make) -> Any:
        """Something to await. It has begun, whether or not it is awaited."""
        from . import asynchronous

        loop, running = self.invocations.loop, asynchronous.running_loop()
        if running is None or loop is None or running is not loop.loop:
            return asynchronous.Ready(self.call(what, make))
        started = asynchronous.Started(running.create_future())
        self._send(what, make, started)
        return started

    def _send(self, what: str, make: services.Make, started: Any) -> Call:
        invocation = self.invocations.current()
        if invocation is None:
            message = f"{what} was called outside any invocation; call it from a handler's process"
            raise CallError("no_invocation", message)
        call = Call(invocation, make(self.invocations.limits), started)
        with self.invocations.lock:
            if invocation.has_ended or invocation.is_closed:
                message = f"{what} was called after its invocation ended; await or join what process starts"
                raise CallError("invocation_ended", message)
            number, self._next = self._next, self._next + 1
            self._open[number] = call
            invocation.calls += 1
        self.connection.send(codec.call(number, invocation.id, *call.request[:4]))
        return call

    def answer(self, number: int, is_ok: bool, answer: bytes) -> None:
        with self.invocations.lock:
            call = self._open.pop(number, None)
            if call is None:
                return
            value, error = (call.request.read(answer), None) if is_ok else (None, _error(loads(answer)))
            self._finish(call, value, error)
            invocation = call.invocation
            if not invocation.is_done or invocation.calls > 0:
                return
            loop, settle = self.invocations.loop, self.invocations.settle
            if loop is None or not loop.is_running:
                settle(invocation)
                return
            # Those who waited for it may call again, and be answered, before this comes to its turn.
            invocation.last_answer = number
            loop.later(lambda: settle(invocation) if invocation.last_answer == number else None)

    def end(self, invocation: Any) -> None:
        """Nobody hears it any more: it may not wait for answers that need not come."""
        error = CallError("invocation_ended", "the invocation ended before this was answered")
        for number, call in list(self._open.items()):
            if call.invocation is invocation:
                del self._open[number]
                self._finish(call, None, error)

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
