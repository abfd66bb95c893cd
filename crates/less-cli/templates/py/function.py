# Handlers in any language call it: functions{{function}}({'a': 1, 'b': 2})
def process(payload):
    return payload['a'] + payload['b']
