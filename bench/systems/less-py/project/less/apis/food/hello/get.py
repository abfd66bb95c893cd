def process(request, response):
    return {'headers': {'content-type': 'text/plain'}, 'body': 'hello'}
