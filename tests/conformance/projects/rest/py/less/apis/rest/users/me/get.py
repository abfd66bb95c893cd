def process(request, response):
    return {"body": "me"}
