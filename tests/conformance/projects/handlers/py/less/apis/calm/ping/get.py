from notes import pid


async def process(request, response):
    return {"body": {"pid": pid}}
