from completion import done


def process(event):
    print(f"order status is {event['status']} order={event['order']}")
    done(2, event['order'])
