import json


async def process(request, response):
    told = ["method", "path", "headers", "query", "query_all", "params", "body", "is_base64"]
    response.headers["content-type"] = "application/json"
    response.body = json.dumps({name: request[name] for name in told})
    return response
