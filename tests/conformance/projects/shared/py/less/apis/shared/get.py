from models import text


def process(request, response):
    return {"body": text}
