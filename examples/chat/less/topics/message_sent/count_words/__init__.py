from less import kvs


def process(message):
    words = len(message['text'].split())
    print(message['name'], 'said', words, 'words:', kvs.increment('words', words), 'so far')
