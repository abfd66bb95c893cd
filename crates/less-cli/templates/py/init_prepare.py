# Has a copy of every order of its own.
def process(order):
    print('prepared', order)
