"""None of its publishes is awaited."""

from less import topics


async def process(request, response):
    for n in range(20):
        topics.forgotten.publish_async(n)
