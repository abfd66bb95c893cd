import time

from notes import note


def process(message, context):
    note("observed", {"message": message, "context": dict(context), "now": int(time.time() * 1000)})
