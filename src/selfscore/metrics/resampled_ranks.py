"""Rank correlations of many resamples of one table at once, from how often each row was drawn.

Each is what `srcc` or `kendall` gives of the resample written out, to the last bit: what is added
up are whole numbers and quarters of them, so no order of a sum rounds otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from selfscore.metrics.rank_correlation import kendall, srcc


def srcc_of_counts(
    counts: NDArray[np.int64], predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman's rank correlation of every resample; see `srcc`.

    Args:
        counts: How often each row was drawn, shape (resamples, n).
        predicted: Predictions of the rows, shape (n,), none of them NaN.
        true: True values of the rows, likewise.

    Returns:
        Correlations in [-1, 1], shape (resamples,); NaN where one side is constant.
    """
    x, x_squares = _centred_ranks(counts, predicted)
    y, y_squares = _centred_ranks(counts, true)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.einsum("ij,ij,ij->i", counts, x, y) / (
            np.sqrt(x_squares) * np.sqrt(y_squares)
        )
    return np.asarray(np.clip(correlation, -1.0, 1.0), dtype=np.float64)


def kendall_of_counts(
    counts: NDArray[np.int64], predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kendall's tau-b of every resample; see `kendall`.

    Discordant pairs are counted as a merge sort finds them (Knight 1966,
    https://doi.org/10.1080/01621459.1966.10480879), whose moves are the same for every resample, as
    only the counts differ: O(n log n) a resample, in log n passes over all of them.

    Args:
        counts: How often each row was drawn, shape (resamples, n).
        predicted: Predictions of the rows, shape (n,), none of them NaN.
        true: True values of the rows, likewise.

    Returns:
        Correlations in [-1, 1], shape (resamples,); NaN where one side is constant.
    """
    x, y = (np.unique(values, return_inverse=True)[1] for values in (predicted, true))
    order = np.lexsort((y, x))
    discordant = _inversions(counts[:, order], y[order])
    x_untied, y_untied, either = (_untied(counts, of) for of in (x, y, x * len(y) + y))
    agreeing = x_untied + y_untied - either - 2 * discordant
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = agreeing / np.sqrt(x_untied) / np.sqrt(y_untied)
    return np.asarray(np.clip(tau, -1.0, 1.0), dtype=np.float64)


# Which statistics of resampled rows have such a form.
OF_COUNTS: dict[Callable[..., NDArray[np.float64]], Callable[..., NDArray[np.float64]]] = {
    srcc: srcc_of_counts,
    kendall: kendall_of_counts,
}


def _centred_ranks(
    counts: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rank of each row in each resample minus the mean rank, and the sum of their squares.

    Shapes (resamples, n), of rows that were not drawn too, and (resamples,).
    """
    value_of_row = np.unique(values, return_inverse=True)[1]
    of_value = _per_value(counts, value_of_row)
    up_to = of_value.cumsum(axis=1)
    # Ties share the mean of their ranks, before + (of_value + 1) / 2, and all ranks have the mean
    # (rows + 1) / 2.
    centred = up_to - (of_value + up_to[:, -1:]) / 2
    squares = np.einsum("ij,ij,ij->i", of_value, centred, centred)
    return centred[:, value_of_row], squares


def _untied(counts: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of drawn rows with two different values, shape (resamples,)."""
    rows = counts.sum(axis=1)
    of_value = _per_value(counts, values)
    return np.asarray((rows**2 - (of_value**2).sum(axis=1)) // 2)


def _per_value(counts: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many drawn rows have each value (0 or more), values rising, shape (resamples, values)."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=-1))
    return np.asarray(np.add.reduceat(counts[:, order], starts, axis=1))


def _inversions(counts: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of drawn rows of which the earlier has the larger value, shape (resamples,)."""
    found = np.zeros(len(counts), dtype=np.int64)
    place = np.arange(len(values))
    width = 1
    while width < len(values):
        # Two neighbouring runs of `width` rows each, as one run in the order of values.
        run = place // (2 * width)
        order = np.lexsort((place, values, run))
        later = order // width % 2 == 1
        drawn = counts[:, order]
        earlier = np.where(later, 0, drawn).cumsum(axis=1)
        # After each row of the later half: the rows of the earlier half that are still to come.
        last = np.searchsorted(run, run[later], side="right") - 1
        found += np.einsum("ij,ij->i", drawn[:, later], earlier[:, last] - earlier[:, later])
        width *= 2
    return found
