async def process(request, response):
    return {"body": "async def"}
