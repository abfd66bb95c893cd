"""Hears what another project publishes."""

from notes import note, noted


def process(message, context):
    note("archived", {"message": message, "attempt": context["attempt"]})
    if noted("archive_is_full") and context["attempt"] == 1:
        raise RuntimeError("the archive is full")
