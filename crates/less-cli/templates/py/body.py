import json


# {{route}}
def process(request, response):
    try:
        data = json.loads(request['body'])
    except ValueError:
        response['statusCode'] = 400
        response['body'] = {'error': 'The body is not JSON.'}
        return response
    # What takes longer is better done by the subscribers of a topic: topics.<topic>.publish(data)
    response['statusCode'] = {{status}}
    response['body'] = data
    return response
