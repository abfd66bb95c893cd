def process(request, response):
    return {"body": f"latest of {request.params['kind']}"}
