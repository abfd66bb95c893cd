def process(request, response):
    return {"body": {"id": request.params["id"]}}
