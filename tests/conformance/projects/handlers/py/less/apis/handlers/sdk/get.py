"""The SDK, there without installing anything."""

from less import files, functions, kvs, sockets, topics


def process(request, response):
    return {"body": ["object" if each is not None else None for each in (topics, sockets, functions, kvs, files)]}
