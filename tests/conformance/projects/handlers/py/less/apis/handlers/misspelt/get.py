from less import topics


def process(request, response):
    try:
        topics.order_placd.publish(1)
        return {"body": "taken"}
    except Exception as error:
        return {"body": str(error)}
