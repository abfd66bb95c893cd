from notes import note


def process(message, context):
    note("failing", context["attempt"])
    raise RuntimeError("as ever")
