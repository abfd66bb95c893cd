from notes import note


async def process(order):
    note("heard", ["two", order])
