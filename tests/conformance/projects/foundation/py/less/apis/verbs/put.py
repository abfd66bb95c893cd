def process(request, response):
    return {"body": "put"}
