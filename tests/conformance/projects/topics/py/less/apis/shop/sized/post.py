"""Publishes a text of so many bytes of JSON."""

from less import CallError, topics


async def process(request, response):
    try:
        return {"body": await topics.heard.publish_async("x" * (int(request.query["bytes"]) - 2))}
    except CallError as error:
        return {"status_code": 400, "body": {"code": error.code, "message": str(error)}}
