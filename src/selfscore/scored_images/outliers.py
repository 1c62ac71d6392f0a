"""Scores far from all others: slips such as 50 for 5.0, or -999 for "none"."""

from __future__ import annotations

import pandas as pd

# Times the distance between the quartiles: beyond what long tails of opinion scores reach.
_FAR = 8


def outliers(scores: pd.Series) -> pd.Series:
    """The scores that lie far from the others.

    Args:
        scores: Finite numbers.
    """
    low, high = _quartiles(scores)
    if low == high:
        # Half of all or more are equal, as in a table of faults that most images do not have.
        low, high = _quartiles(scores.drop_duplicates())
    far = _FAR * (high - low)
    return scores[(scores < low - far) | (scores > high + far)]


def _quartiles(scores: pd.Series) -> tuple[float, float]:
    return float(scores.quantile(0.25)), float(scores.quantile(0.75))
