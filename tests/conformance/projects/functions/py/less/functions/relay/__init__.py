"""Waits for another function."""

from less import functions


def process(n):
    return functions.double(n)["doubled"]
