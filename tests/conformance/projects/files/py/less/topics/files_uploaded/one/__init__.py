from notes import note


def process(file):
    note("uploaded", file)
