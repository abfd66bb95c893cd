from service_log import service_log

log = service_log('LOYALTY')


def process(order):
    log(order, 'points added')
