from less import topics
from completion import done


def process(event):
    print(f"delivery partner assigned order={event['order']}")
    topics.delivery_partner_assigned.publish({**event, 'status': 'on its way'})
    done(5, event['order'])
