"""Takes its time, so that nothing but the store keeps the order."""

import asyncio
import random

from notes import note


async def process(change):
    await asyncio.sleep(0.01 * random.random())
    note("changes", {"updated": change})
