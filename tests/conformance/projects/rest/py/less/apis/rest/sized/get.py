def process(request, response):
    return {"body": b"x" * int(request.query["bytes"])}
