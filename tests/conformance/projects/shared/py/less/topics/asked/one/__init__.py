from models import text
from notes import note


def process(message):
    note("text", text)
