# Runs when {{variable}} says, which less.config lists and .env sets.
def process():
    print('{{name}} is running')
