"""Two of these wait for each other, each in a process of its own."""

from notes import note, until_noted


def process(request, response):
    note(f"met_{request.params['me']}", True)
    until_noted(f"met_{request.query['other']}")
