"""A publish after the end of its invocation."""

import asyncio

from less import topics
from notes import note


async def publish():
    await asyncio.sleep(0.3)
    try:
        await topics.forgotten.publish_async("late")
        note("late", "taken")
    except Exception as error:
        note("late", str(error))


async def process(request, response):
    asyncio.get_running_loop().create_task(publish())
