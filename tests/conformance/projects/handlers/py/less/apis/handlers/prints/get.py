import logging
import sys


def process(request, response):
    print("to standard output", {"deep": [1]})
    logging.error("to standard error")
    sys.stderr.write("in two ")
    sys.stderr.write("parts\n")
