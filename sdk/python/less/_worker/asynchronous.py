"""The event loop for `async def` handlers, in the main thread.

It is made when the first such handler begins, and runs from then on whenever no `def` handler does, so
that what handlers leave in the background goes on. Imported only then: a project without `async def`
does not pay for asyncio.
"""

from __future__ import annotations

import asyncio
import socket
import warnings
from collections.abc import Coroutine
from typing import Any, Callable, Generator, List, Optional, Tuple

from . import http
from .connection import Connection

# Wake-ups between the end of a call and a task that awaits it through `gather`, `wait_for` and the like.
_TURNS = 8


class Started(Coroutine):
    """Something that has begun already; a coroutine for whatever wants one (`await`, `gather`, `create_task`).

    `future` gives a value and an error. Whoever awaits it has looked at it.
    """

    def __init__(self, future: "asyncio.Future[Tuple[Any, Optional[BaseException]]]") -> None:
        self.future = future
        self.is_watched = False
        self._steps: Optional[Generator] = None

    def __await__(self) -> Generator:
        self.is_watched = True
        value, error = yield from self.future.__await__()
        if error is not None:
            raise error
        return value

    def _begun(self) -> Generator:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps

    def send(self, value: Any) -> Any:
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        return self._begun().throw(*error)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


class Ready(Coroutine):
    """As `Started`, of a call that blocked: outside our event loop there is no other way."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator:
        return self._value
        yield  # makes it a generator

    def send(self, value: Any) -> Any:
        raise StopIteration(self._value)

    def throw(self, *error: Any) -> Any:
        raise error[0]

    def close(self) -> None:
        """Nothing is open."""


class Loop:
    """`lost(context)` hears of errors that nobody caught, as an event loop tells them; `failed(task)` of tasks that
    ended with an error."""

    def __init__(self, connection: Connection, lost: Callable[[dict], None], failed: Callable[[Any], None]) -> None:
        self.connection = connection
        self.is_running = False
        self.loop = loop = _current_loop()
        self._tasks: set = set()
        self._failed = failed
        loop.set_task_factory(self._make_task)
        loop.set_exception_handler(lambda _, context: lost(context))
        loop.add_reader(connection.socket.fileno(), self._read)

    def _make_task(self, loop: Any, coroutine: Any, **named: Any) -> Any:
        task = asyncio.Task(coroutine, loop=loop, **named)
        task.add_done_callback(self._failed)
        return task

    def _read(self) -> None:
        self.connection.receive(socket.MSG_DONTWAIT)

    def begin(self, coroutine: Any) -> Any:
        """Runs it as a task of ours, in a context of its own."""
        task = asyncio.Task(coroutine, loop=self.loop)
        self._tasks.add(task)  # the loop itself holds them weakly
        task.add_done_callback(self._tasks.discard)
        return task

    def run(self) -> None:
        """Until `stop`. What ends the loop from within (SystemExit in a task) is told with that task."""
        connection, turn = self.connection, self.connection.turn
        was_mains = turn.is_mains
        if not was_mains:
            turn.take()
        self.is_running = True
        connection.schedule = self._schedule
        try:
            self.loop.run_forever()
        except BaseException as error:
            if self.loop.is_closed():
                connection.broken(error)  # a handler closed what is not its own
        finally:
            connection.schedule = None
            self.is_running = False
            if not was_mains:
                turn.leave()
        connection.flush()

    def _schedule(self) -> None:
        self.loop.call_soon(self.connection.flush)

    def stop(self) -> None:
        self.loop.stop()

    def complete(self, awaitable: Any) -> Any:
        """Runs the loop until this is done: for a `def` that returned an awaitable all the same."""
        task = self.begin(_catch(awaitable))
        task.add_done_callback(lambda _: self.loop.stop())
        while not task.done():
            self.run()
        value, error = task.result()
        if error is not None:
            raise error
        return value

    def later(self, what: Callable[[], None], turns: int = _TURNS) -> None:
        """Once those who waited for what has just come have had their turn."""
        if turns == 0:
            what()
        else:
            self.loop.call_soon(self.later, what, turns - 1)


def _current_loop() -> Any:
    """The one that modules may have met already while they were loaded, or a new one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loop = asyncio.get_event_loop()
            if not loop.is_closed():
                return loop
        except RuntimeError:
            pass  # none yet: made below
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def running_loop() -> Any:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _catch(awaitable: Any) -> Tuple[Any, Optional[BaseException]]:
    try:
        return await awaitable, None
    except BaseException as error:
        return None, error


async def run_chain(middlewares: List[Any], process: http.Process, given: Tuple[Any, ...], loop: Loop) -> Any:
    """As `http.run_chain`, where one of them is `async def`: `next()` gives an awaitable of what the rest returns. It
    need not be awaited; if it is, and its error caught, the error is the middleware's to answer."""
    request, response = given

    async def run_from(i: int) -> Any:
        if i == len(middlewares):
            result = await _value(process(request, response))
            return response if result is None else result
        rest: Optional[Started] = None

        def next(error: Any = None) -> Started:
            nonlocal rest
            if rest is not None:
                raise RuntimeError(f"middleware {i + 1} of {len(middlewares)} called next() twice")
            running = _refuse(http.as_error(error)) if error is not None else run_from(i + 1)
            rest = Started(loop.begin(_catch(running)))
            return rest

        result = await _value(middlewares[i](request, response, next))
        if rest is None:
            return response if result is None else result
        if result is rest:
            return await rest
        failed_before = rest.future.done() and rest.is_watched
        of_rest, error = await rest.future
        if error is not None:
            if not failed_before:
                raise error
            of_rest = response
        return of_rest if result is None else result

    return await run_from(0)


async def _refuse(error: BaseException) -> None:
    raise error


async def _value(result: Any) -> Any:
    return await result if is_awaitable(result) else result


def is_awaitable(value: Any) -> bool:
    return hasattr(type(value), "__await__")
