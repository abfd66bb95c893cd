def guard(request, response, next):
    return next() if request.query.get("key") == "x" else {"statusCode": 401, "body": "who?"}


def silent(request, response, next):
    if "silent" not in request.query:
        return next()
    response.status_code = 203
    response.body = "as it stands"


middlewares = [guard, silent]


def process(request, response):
    return {"body": "inside"}
