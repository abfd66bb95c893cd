"""Where two modules come from."""

import six
import toml


def process(request, response):
    return {"body": {"six": six.__version__, "toml": toml.owner}}
