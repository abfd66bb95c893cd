def process(request, response):
    return {"body": f"posts of {request.params['id']}"}
