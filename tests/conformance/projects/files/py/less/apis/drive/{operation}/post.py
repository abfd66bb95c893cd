"""Every operation of files; what went wrong is its answer."""

import json

from less import files

OPERATIONS = {
    "create_upload_url": lambda asked: files.create_upload_url(asked["path"], asked.get("options")),
    "get_url": lambda asked: files.get_url(asked["path"], asked.get("options")),
    "list": lambda asked: files.list(asked["prefix"]),
    "delete": lambda asked: files.delete(asked["path"]),
}


def process(request, response):
    try:
        return {"body": {"result": OPERATIONS[request.params["operation"]](json.loads(request.body))}}
    except Exception as error:
        return {"status_code": 400, "body": {"code": getattr(error, "code", None), "message": str(error)}}
