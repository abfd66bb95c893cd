from less import topics
from service_log import service_log

log = service_log('DELIVERY PARTNER')


def process(order):
    log(order, 'courier assigned')
    topics.delivery_partner_assigned.publish({**order, 'status': 'on its way'})
