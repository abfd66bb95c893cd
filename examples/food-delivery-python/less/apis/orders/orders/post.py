from uuid import uuid4

from json_body import json_body
from less import topics
from service_log import service_log

log = service_log('ORDER')

middlewares = [json_body]


def process(request, response):
    order = {**request.body, 'id': str(uuid4()), 'status': 'placed'}
    log(order, 'order placed')
    topics.order_placed.publish(order)

    response.status_code = 201
    response.body = order
    return response
