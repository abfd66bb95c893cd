"""One letter of a key at a time."""

import asyncio

from notes import note


async def process(letter, context):
    key, n, attempt = letter["key"], letter["n"], context["attempt"]
    note("letters", {"key": key, "n": n, "what": "begun", "attempt": attempt})
    await asyncio.sleep(0.01)
    if letter["fails"] and attempt == 1:
        raise RuntimeError("nobody at home")
    note("letters", {"key": key, "n": n, "what": "ended", "attempt": attempt})
