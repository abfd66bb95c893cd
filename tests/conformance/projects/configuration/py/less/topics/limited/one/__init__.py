import asyncio

from notes import note


async def process(message):
    note("span", 1)
    await asyncio.sleep(0.03)
    note("span", -1)
