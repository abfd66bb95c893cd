def process(*given):
    return {"body": len(given)}
