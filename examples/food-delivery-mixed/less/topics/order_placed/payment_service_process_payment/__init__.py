from less import topics
from service_log import service_log

log = service_log('PAYMENT')


def process(order):
    log(order, 'payment accepted')
    topics.payment_success.publish({**order, 'status': 'paid'})
