"""Publishes what it is sent; what went wrong is its answer."""

import json

from less import topics


def process(request, response):
    try:
        return {"body": topics[request.params["topic"]].publish(json.loads(request.body))}
    except Exception as error:
        return {"status_code": 400, "body": {"code": getattr(error, "code", None), "message": str(error)}}
