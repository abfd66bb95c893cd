def process(request, response):
    return {"body": "def"}
