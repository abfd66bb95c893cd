from less import topics


async def process(request, response):
    published = await topics.order_placed.publish_async("from async def")
    return {"body": published["id"]}
