import time

from notes import note


def process(parcel, context):
    note("parcels", {"parcel": parcel, "id": context["message_id"], "at": int(time.time() * 1000)})
