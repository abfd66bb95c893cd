def process(request, response):
    raise TypeError("a secret")
