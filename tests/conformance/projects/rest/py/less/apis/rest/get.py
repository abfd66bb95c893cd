def process(request, response):
    return {"body": "root"}
