"""Fails at its first attempt."""

import time

from notes import note


def process(context):
    told = {"project": context["project"], "id": context["message_id"], "attempt": context["attempt"]}
    note("minute", {**told, "at": int(time.time() * 1000)})
    if context["attempt"] == 1:
        raise RuntimeError("not at once")
