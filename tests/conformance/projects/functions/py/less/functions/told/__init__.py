def process(payload, context):
    return {**context, "payload": payload}
