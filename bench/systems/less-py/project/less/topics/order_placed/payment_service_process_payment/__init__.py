from less import topics
from completion import done


def process(event):
    print(f"payment processed order={event['order']}")
    topics.payment_success.publish({**event, 'status': 'paid'})
    done(0, event['order'])
