"""Begins, waits until it is let go, ends."""

from notes import note, until_noted_async

VERSION = 1


async def process(n, context):
    note("begun", {"n": n, "attempt": context["attempt"], "version": VERSION})
    await until_noted_async("go")
    note("ended", {"n": n, "attempt": context["attempt"], "version": VERSION})
