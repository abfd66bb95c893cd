"""The SDK of Less: what handlers import.

    from less import topics, kvs, functions, files, sockets, NonRetriableError

    def process(message):
        topics.order_placed.publish({"id": message["id"]})

Every call has a twin for `async def` handlers: `await topics.order_placed.publish_async(…)`,
`await functions.charge.call_async(…)`, `await kvs.get_async(…)`. Outside of Less (a unit test of a
handler) the module can be imported, and its calls say why they fail.
"""

from __future__ import annotations

from ._errors import CallError, FunctionError, NonRetriableError, UnknownNameError
from ._files import files
from ._services import functions, kvs, sockets, topics

__all__ = [
    "CallError",
    "FunctionError",
    "NonRetriableError",
    "UnknownNameError",
    "files",
    "functions",
    "kvs",
    "sockets",
    "topics",
]
