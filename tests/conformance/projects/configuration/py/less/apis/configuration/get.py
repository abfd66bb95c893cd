import os


def process(request, response):
    return {"body": dict(os.environ)}
