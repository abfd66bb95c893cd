from notes import note


def process(order):
    note("heard", ["one", order])
