"""Nobody awaits what next() gives."""

import asyncio


async def forgetful(request, response, next):
    next()


middlewares = [forgetful, forgetful]


async def process(request, response):
    await asyncio.sleep(0.1)
    response.status_code = 201
    response.body = "late"
    return response
