from completion import done


def process(event):
    print(f"customer told a courier is coming order={event['order']}")
    done(7, event['order'])
