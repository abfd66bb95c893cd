async def process(payload):
    return payload
