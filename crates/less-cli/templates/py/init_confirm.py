# Gets every order at least once. When it raises, the order comes again, and the other subscriber does not notice.
def process(order):
    print('confirmed', order)
