"""Calls the function with what it is sent; what it threw is its answer."""

import json

from less import functions


def process(request, response):
    try:
        call = functions[request.params["name"]]
        return {"body": {"result": call() if request.body == "" else call(json.loads(request.body))}}
    except Exception as error:
        return {"status_code": 400, "body": {"code": getattr(error, "code", None), "message": str(error)}}
