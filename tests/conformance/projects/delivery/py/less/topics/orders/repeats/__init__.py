"""Publishes, then fails twice. Two of its events are equal, one is new each time."""

from less import topics
from notes import note


def process(order, context):
    ids = []
    for what in ("equal", "equal", "other"):
        ids.append(topics.effects.publish({"order": order, "what": what})["id"])
    topics.effects.publish({"order": order, "what": "new", "attempt": context["attempt"]})
    note("repeats", ids)
    if context["attempt"] < 3:
        raise RuntimeError("not yet")
