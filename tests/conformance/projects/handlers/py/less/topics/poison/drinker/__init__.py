from mischief import mischief
from notes import note, pid


async def process(kind, context):
    note("drunk", {"attempt": context["attempt"], "pid": pid})
    await mischief[kind]()
