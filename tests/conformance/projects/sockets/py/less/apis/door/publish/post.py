"""Publishes what it is sent; what failed is its answer."""

import json

from less import CallError, sockets


def process(request, response):
    asked = json.loads(request["body"])
    try:
        if asked["to"] is None:
            return {"body": sockets.chat.broadcast(asked["message"])}
        return {"body": sockets.chat.publish(asked["message"], asked["to"])}
    except CallError as error:
        return {"body": {"code": error.code}}
