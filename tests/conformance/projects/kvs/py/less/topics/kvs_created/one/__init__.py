from notes import note


def process(change):
    note("changes", {"created": change})
