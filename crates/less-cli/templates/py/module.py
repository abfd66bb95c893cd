# Every handler can load this: from {{name}} import greet
def greet(name):
    return f'Hello, {name}.'
