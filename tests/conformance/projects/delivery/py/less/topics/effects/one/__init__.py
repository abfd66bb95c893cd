from notes import note


def process(effect):
    note("effects", effect)
