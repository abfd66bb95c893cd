from less import topics


def process(effect):
    return topics.effects.publish(effect)
