from notes import note


async def process(n):
    note("forgotten", n)
