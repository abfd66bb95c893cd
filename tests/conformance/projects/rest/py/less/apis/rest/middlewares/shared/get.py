"""Each leaves its mark on both objects, in order."""


def step(name):
    def middleware(request, response, next):
        request.seen = [*request.get("seen", []), name]
        response["headers"][f"x-{name}"] = "yes"
        return next()

    return middleware


middlewares = [step("one"), step("two")]


def process(request, response):
    response["body"] = request["seen"]
    return response
