def process(request, response):
    return {"body": "fine"}
