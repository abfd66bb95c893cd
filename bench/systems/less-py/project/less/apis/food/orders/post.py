import json

from less import topics


def process(request, response):
    order = json.loads(request.body)
    print(f"order placed order={order['order']}")
    topics.order_placed.publish({'order': order['order'], 'item': order['item'], 'pad': order['pad'], 'status': 'placed'})
    return {'statusCode': 201, 'body': {'id': order['order']}}
