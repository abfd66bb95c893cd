import json

from less import topics


# POST /orders: answers at once; what takes longer is done by the subscribers of order_placed.
def process(request, response):
    try:
        order = json.loads(request['body'])
    except ValueError:
        response['statusCode'] = 400
        response['body'] = {'error': 'The body is not JSON.'}
        return response
    published = topics.order_placed.publish(order)
    response['statusCode'] = 202
    response['body'] = {'id': published['id']}
    return response
