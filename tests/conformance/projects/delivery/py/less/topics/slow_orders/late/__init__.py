"""Its first attempt publishes when its time is over, and the second is still to come."""

import asyncio

from less import topics
from notes import note


async def process(order, context):
    if context["attempt"] == 1:
        await asyncio.sleep(2)
    published = await topics.effects.publish_async({"order": order, "what": "late"})
    note("late", {"id": published["id"], "attempt": context["attempt"]})
