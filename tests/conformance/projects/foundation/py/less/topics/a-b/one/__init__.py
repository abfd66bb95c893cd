from notes import note


def process(spelling):
    note("hyphen", spelling)
