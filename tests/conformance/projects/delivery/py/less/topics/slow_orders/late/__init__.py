"""Its first attempt publishes when its time is over, and the second is still to come."""

import asyncio

from less import topics
from notes import note


async def process(order, context):
    attempt = context["attempt"]
    if attempt == 1:
        await asyncio.sleep(2)
    try:
        published = await topics.effects.publish_async({"order": order, "what": "late"})
        note("late", {"id": published["id"], "attempt": attempt})
    except Exception as error:
        note("late", {"error": str(error), "attempt": attempt})
