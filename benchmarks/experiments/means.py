"""Means over repetitions of an experiment."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from selfscore.metrics.intervals import Interval


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of independent repetitions with Student's t interval.

    Args:
        values: one figure a repetition, shape (n,); NaN ones are left out.
        confidence: share of such intervals that cover the true mean, in (0, 1).

    Returns:
        The mean, its interval (NaN for fewer than two values, which do not tell how much they
        scatter), and the number of values.
    """
    figures = np.asarray(values, dtype=np.float64)
    figures = figures[~np.isnan(figures)]
    n = len(figures)
    if n < 2:
        return Interval(float(figures[0]) if n else float("nan"), float("nan"), float("nan"), n)
    mean = float(figures.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * figures.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)
