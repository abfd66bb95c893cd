from less import sockets


# A client has sent {"channel": "{{channel}}", "data": …}.
def process(event):
    # Back to who sent it; sockets{{socket}}.broadcast(event['data']) reaches all.
    sockets{{socket}}.publish(event['data'], [event['connection_id']])
