"""Everything that a handler is told of a request."""

TOLD = ["method", "path", "headers", "query", "query_all", "params", "body", "is_base64"]


def process(request, response):
    response["body"] = {name: request[name] for name in TOLD}
    return response
