def process(message):
    raise TypeError("a secret")
