from notes import note


async def process(change):
    note("changes", {"updated": change})
