from notes import note


async def process(message, context):
    note("heard", {"by": "two", "message": message, "id": context["message_id"]})
