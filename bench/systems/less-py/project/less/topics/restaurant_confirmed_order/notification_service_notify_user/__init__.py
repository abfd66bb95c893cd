from completion import done


def process(event):
    print(f"customer told the restaurant is cooking order={event['order']}")
    done(3, event['order'])
