def process(request, response):
    return {"body": f"user {request.params['id']}"}
