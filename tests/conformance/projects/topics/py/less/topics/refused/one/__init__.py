from less import NonRetriableError
from notes import note


def process(message, context):
    note("refused", context["attempt"])
    raise NonRetriableError("never again")
