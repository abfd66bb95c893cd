def process(message):
    raise TypeError(message)
