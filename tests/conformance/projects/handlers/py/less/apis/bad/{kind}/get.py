from mischief import mischief
from notes import note, pid


async def process(request, response):
    note("struck", {"pid": pid})
    await mischief[request.params["kind"]]()
