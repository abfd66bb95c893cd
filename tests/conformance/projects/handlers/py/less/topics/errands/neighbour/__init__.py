"""A neighbour of the bad ones."""

from notes import note, pid, until_noted_async


async def process(n, context):
    note("errands", {"n": n, "pid": pid, "attempt": context["attempt"]})
    await until_noted_async("release")
    note("done", {"n": n, "pid": pid, "attempt": context["attempt"]})
