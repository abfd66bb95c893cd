from less import functions


async def process(request, response, context):
    callee = await functions.told.call_async()
    return {"body": {"caller": context["deadline"], "callee": callee["deadline"]}}
