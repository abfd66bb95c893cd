"""Its first attempt publishes when all is settled."""

from less import topics
from notes import note, until_noted_async


async def process(order, context):
    note("later", context["attempt"])
    if context["attempt"] > 1:
        return
    await until_noted_async("settled")
    try:
        await topics.effects.publish_async({"order": order, "what": "too late"})
        note("refused", "taken")
    except Exception as error:
        note("refused", str(error))
