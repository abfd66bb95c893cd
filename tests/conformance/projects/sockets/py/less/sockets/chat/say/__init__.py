from less import sockets


def process(message):
    connection_id = message.get("connection_id")
    sockets.chat.publish({"said": message.get("data"), "by": connection_id}, [connection_id])
