def process(request, response):
    return {"body": "get"}
