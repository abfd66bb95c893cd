import time


def process(request, response, context):
    return {"body": {**context, "now": int(time.time() * 1000)}}
