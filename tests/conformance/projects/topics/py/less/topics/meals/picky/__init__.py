"""Notes every attempt, then refuses what is poisoned, until somebody brings the antidote."""

import time

from notes import note, noted

VERSION = 1


async def process(meal, context):
    at = int(time.time() * 1000)
    note("picky", {"n": meal["n"], "attempt": context["attempt"], "at": at, "version": VERSION})
    if meal.get("poison") and not noted("antidote"):
        raise ValueError(f"cannot stomach {meal['n']}")
