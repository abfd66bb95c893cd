from less import sockets


async def process(message):
    await sockets.bare_one.publish_async(message["data"], message["connection_id"])
