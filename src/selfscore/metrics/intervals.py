"""Bootstrap intervals for statistics over the rows of a table."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Numbers held at once while resampling (8 bytes each), so that large test sets fit in memory.
_NUMBERS_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """A figure with its interval: value, lower and upper bound, and the rows it rests on."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(
    statistic: Callable[..., NDArray[np.float64]],
    *columns: ArrayLike,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic, rows drawn with replacement.

    The same rows are drawn for every column, and the same seed draws the same rows for every
    table of that length, so figures of two policies on one test set are compared on equal draws.

    Args:
        statistic: Takes the columns with shape (..., n) and returns shape (...), like `srcc`.
        *columns: One or more columns of n numbers each.
        n_resamples: Number of resampled tables.
        confidence: Share of the resampled figures that the interval covers, in (0, 1).
        seed: Seed of the draws.

    Returns:
        The statistic of the whole table with its interval. All NaN where the statistic is not
        defined (no rows, a constant column); resamples where it is not defined are left out.

    Raises:
        ValueError: If no column is given, the columns differ in length, `n_resamples` is below 1,
            or `confidence` is outside (0, 1).
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    lengths = {array.shape for array in arrays}
    if len(lengths) != 1 or any(len(shape) != 1 for shape in lengths):
        raise ValueError(
            "a bootstrap needs one or more columns of equal length, got shapes "
            f"{[array.shape for array in arrays]}"
        )
    n = arrays[0].shape[0]
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    value = float(statistic(*arrays))
    if np.isnan(value):
        return Interval(value, float("nan"), float("nan"), n)

    generator = np.random.default_rng(seed)
    batch = max(1, _NUMBERS_AT_ONCE // n)
    figures = []
    for start in range(0, n_resamples, batch):
        rows = generator.integers(0, n, size=(min(batch, n_resamples - start), n))
        figures.append(statistic(*(array[rows] for array in arrays)))
    resampled = np.concatenate(figures)
    defined = resampled[~np.isnan(resampled)]
    if defined.size == 0:
        return Interval(value, float("nan"), float("nan"), n)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), n)
