from notes import note


def process(message, context):
    note("heard", {"by": "one", "message": message, "id": context["message_id"]})
