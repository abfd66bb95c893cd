"""A function publishes for it."""

from less import functions


def process(order, context):
    functions.announce({"order": order, "what": "announced"})
    if context["attempt"] == 1:
        raise RuntimeError("not yet")
