"""A publish that fails, and that nobody awaits."""

from less import topics


async def process(request, response):
    topics.forgotten.publish_async("x" * 300_000)
