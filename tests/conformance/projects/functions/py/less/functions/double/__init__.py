def process(n):
    return {"doubled": 2 * n, "language": "py"}
