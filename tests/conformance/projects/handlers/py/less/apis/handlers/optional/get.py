def process(request, response, extra="the default"):
    return {"body": extra}
