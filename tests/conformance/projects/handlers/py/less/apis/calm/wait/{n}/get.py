"""A neighbour of the bad ones."""

from notes import note, pid, until_noted_async


async def process(request, response):
    note("requests", {"n": int(request.params["n"]), "pid": pid})
    await until_noted_async("release")
    return {"body": {"pid": pid}}
