"""Calls itself as deep as it is told. Each waiting `def` has a process: the pool grows."""

from less import functions


def process(depth):
    return 0 if depth == 0 else 1 + functions.descend(depth - 1)
