async def process(request, response, *, context=None):
    return {"body": context["handler"]}
