# A client has connected; its headers and query are in the event, too. To refuse it, raise or return {'statusCode': 403}.
def process(event):
    print(f"{event['connection_id']} has connected")
    # Keep the id (in kvs, for example) to send to this client later.
