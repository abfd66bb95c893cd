from less import topics
from service_log import service_log

log = service_log('PAYMENT')


def process(order):
    log(order, 'reversal initiated')
    topics.payment_reversed.publish({**order, 'status': 'reversed'})
