import notes


def process(order):
    notes.note("heard", ["three", order])
