def process(request, response):
    for n in range(int(request.query["lines"])):
        print("line", n)
    if "long" in request.query:
        print("x" * int(request.query["long"]))
