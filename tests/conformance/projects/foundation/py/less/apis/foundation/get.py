"""What lies beside a handler, and below it, belongs to it."""

from greetings import greeting

from .lib.deep.file import deep
from .schema import wanted


def process(request, response):
    return {"body": [greeting, wanted, deep]}
