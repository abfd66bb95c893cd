from less import topics


def process(request, response):
    return {"body": topics.order_placed.publish("from def")["id"]}
