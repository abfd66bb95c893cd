from notes import note, noted


def process(client, context):
    note("disconnect", client)
    if noted("failing"):
        raise RuntimeError(f"no database at attempt {context.attempt}")
