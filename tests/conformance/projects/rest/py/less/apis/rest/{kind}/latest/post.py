def process(request, response):
    return {"body": f"posted to latest of {request.params['kind']}"}
