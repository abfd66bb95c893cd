import asyncio


async def process(request, response):
    await asyncio.Event().wait()
