# A connection has ended, however it did.
def process(event):
    print(f"{event['connection_id']} has gone")
    # Forget here what connect has kept.
