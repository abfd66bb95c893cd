from notes import note


async def process(*given):
    note("undeclared", len(given))
