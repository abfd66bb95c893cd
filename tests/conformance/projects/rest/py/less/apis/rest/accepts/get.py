"""One header, looked up in every way."""


def process(request, response):
    headers = request.headers
    response.body = [headers.Accept, headers["accept"], headers["ACCEPT"], headers.get("accept"), headers.get("x-none")]
    return response
