import json


def json_body(request, response, next):
    """A middleware: the handler after it finds a dict in `request.body`; anything else is answered with 400."""
    try:
        request.body = json.loads(request.body)
    except ValueError:
        request.body = None
    if not isinstance(request.body, dict):
        response.status_code = 400
        response.body = {'error': 'the body must be a JSON object'}
        return response
    next()
