from service_log import service_log

log = service_log('NOTIFICATION')


def process(order):
    log(order, 'told the customer: the restaurant cannot take the order')
