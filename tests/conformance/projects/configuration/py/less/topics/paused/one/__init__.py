from notes import note


def process(message):
    note("unpaused", message)
