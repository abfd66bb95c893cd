from less import topics
from service_log import service_log

log = service_log('RESTAURANT')


def process(order):
    if order.get('fail'):
        log(order, 'order refused')
        topics.restaurant_order_confirmation_failed.publish({**order, 'status': 'refused'})
    else:
        log(order, 'order confirmed')
        topics.restaurant_confirmed_order.publish({**order, 'status': 'confirmed'})
