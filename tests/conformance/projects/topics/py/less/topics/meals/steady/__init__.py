from notes import note


def process(meal, context):
    note("steady", {"n": meal["n"], "attempt": context["attempt"]})
