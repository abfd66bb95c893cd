"""All that a handler should not do."""

import asyncio
import os
import signal

from notes import note


async def throws():
    raise ValueError("on purpose")


async def never_returns():
    await asyncio.Event().wait()


async def blocks():
    await asyncio.sleep(0.05)
    note("blocking", True)
    while True:
        pass


async def exits():
    os._exit(1)


async def crashes():
    os.kill(os.getpid(), signal.SIGSEGV)
    await asyncio.Event().wait()


async def eats():
    kept = []
    while True:
        kept.append(bytearray(b"x" * (16 << 20)))
        await asyncio.sleep(0.001)


mischief = {each.__name__: each for each in (throws, never_returns, blocks, exits, crashes, eats)}
