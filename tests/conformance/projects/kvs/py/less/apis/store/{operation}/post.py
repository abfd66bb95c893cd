"""Every operation of the store; what went wrong is its answer."""

import json

from less import kvs

OPERATIONS = {
    "get": lambda asked: kvs.get(asked["key"]),
    "get_with_version": lambda asked: kvs.get_with_version(asked["key"]),
    "set": lambda asked: kvs.set(asked["key"], asked["value"], asked.get("ttl")),
    "set_with": lambda asked: kvs.set(asked["key"], asked["value"], **asked["options"]),
    "delete": lambda asked: kvs.delete(asked["key"]),
    "list": lambda asked: kvs.list(asked["prefix"]),
    "increment": lambda asked: kvs.increment(asked["key"], asked.get("by", 1)),
    "sized": lambda asked: kvs.set(asked["key"], "x" * (asked["bytes"] - 2)),
}


def process(request, response):
    try:
        return {"body": {"result": OPERATIONS[request.params["operation"]](json.loads(request.body))}}
    except Exception as error:
        return {"status_code": 400, "body": {"code": getattr(error, "code", None), "message": str(error)}}
