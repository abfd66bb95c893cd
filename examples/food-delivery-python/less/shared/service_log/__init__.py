def service_log(service):
    """`service_log('PAYMENT')(order, 'accepted')` prints `[PAYMENT SERVICE] <the order's id> accepted`."""

    def log(order, text):
        print(f'[{service} SERVICE] {order["id"]} {text}')

    return log
