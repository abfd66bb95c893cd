"""Publishes what it is sent, with the options that the query names; what went wrong is its answer."""

import json

from less import topics


def process(request, response):
    options = {name: request.query.get(name) for name in ("idempotency_key", "ordering_key")}
    delay = request.query.get("delay")
    topic = topics[request.params["topic"]]
    try:
        published = topic.publish(json.loads(request.body), delay=float(delay) if delay else None, **options)
        return {"body": published}
    except Exception as error:
        return {"status_code": 400, "body": {"code": getattr(error, "code", None), "message": str(error)}}
