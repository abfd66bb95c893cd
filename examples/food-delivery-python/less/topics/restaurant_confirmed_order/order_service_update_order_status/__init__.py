from service_log import service_log

log = service_log('ORDER')


def process(order):
    log(order, 'status is now "%s"' % order['status'])
