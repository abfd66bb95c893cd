def process(request, response):
    return {"body": "delete"}
