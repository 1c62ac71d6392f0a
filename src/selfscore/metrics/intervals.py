"""A figure with its interval."""

from typing import NamedTuple


class Interval(NamedTuple):
    """A figure with its interval: value, lower and upper bound, and the rows it rests on."""

    value: float
    low: float
    high: float
    n: int
