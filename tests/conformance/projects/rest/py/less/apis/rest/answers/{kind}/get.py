"""Every kind of response."""


def nothing(response):
    response["statusCode"] = 203
    response["body"] = "as it stands"


def cookies(response):
    response["headers"]["Set-Cookie"] = ["a=1; Path=/", "b=2, c"]
    return response


ANSWERS = {
    "untouched": lambda response: response,
    "nothing": nothing,
    "camel": lambda response: {**response, "statusCode": 201},
    "snake": lambda response: {"status_code": 202},
    "string": lambda response: {"body": "hé"},
    "number": lambda response: {"body": 12.5},
    "object": lambda response: {"body": {"a": [1, None]}},
    "array": lambda response: {"body": [1, 2]},
    "bytes": lambda response: {"body": bytes([0, 255, 10])},
    "cookies": cookies,
}


def process(request, response):
    return ANSWERS[request.params.kind](response)
