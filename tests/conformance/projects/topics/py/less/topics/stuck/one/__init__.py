import asyncio

from notes import note


async def process(message, context):
    note("stuck", context["attempt"])
    await asyncio.Event().wait()
