"""Publishes, then waits: meanwhile everything crashes."""

from less import topics
from notes import note, until_noted_async


async def process(order, context):
    published = await topics.effects.publish_async({"order": order, "what": "before the crash"})
    note("interrupted", {"id": published["id"], "attempt": context["attempt"]})
    await until_noted_async("go")
