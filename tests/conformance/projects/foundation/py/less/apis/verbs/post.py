async def process(request, response):
    return {"body": "post"}
