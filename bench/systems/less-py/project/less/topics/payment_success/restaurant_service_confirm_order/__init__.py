from less import topics
from completion import done


def process(event):
    print(f"restaurant confirmed order={event['order']}")
    topics.restaurant_confirmed_order.publish({**event, 'status': 'confirmed'})
    done(1, event['order'])
