"""One topic, two spellings."""

from less import topics


def process(request, response):
    topics["a-b"].publish("hyphen")
    topics.a_b.publish("underscore")
    return response
