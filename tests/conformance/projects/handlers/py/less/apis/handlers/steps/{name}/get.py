"""Several of these run at once."""

import asyncio
import random


async def process(request, response):
    for step in range(5):
        print(request.params["name"], step)
        await asyncio.sleep(0.005 + 0.02 * random.random())
