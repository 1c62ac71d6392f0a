"""Rank and linear correlation of predictions with the truth, over the last axis."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.magnitude import exponent_of

# Below this share of the values' magnitude a spread is rounding noise of a constant.
_RELATIVE_SPREAD_FLOOR = 1e-12


def plcc(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Pearson's linear correlation.

    Args:
        predicted: Predictions, shape (..., n).
        true: True values, broadcastable to the same shape, any unit.

    Returns:
        Correlations in [-1, 1], shape (...). NaN where fewer than two values are given, where one
        side is constant, or where a value is NaN: a metric never stops a run.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    x, y = _paired(predicted, true)
    if x.shape[-1] < 2:
        return np.full(np.broadcast_shapes(x.shape, y.shape)[:-1], np.nan)
    x_centred, x_spread = _centred(x)
    y_centred, y_spread = _centred(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (x_centred * y_centred).sum(axis=-1) / (x_spread * y_spread)
    return np.asarray(np.clip(correlation, -1.0, 1.0), dtype=np.float64)


def srcc(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Spearman's rank correlation, ties sharing their mean rank.

    Args:
        predicted: Predictions, shape (..., n).
        true: True values, broadcastable to the same shape, any unit.

    Returns:
        Correlations in [-1, 1], shape (...); NaN as for `plcc`.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    x, y = _paired(predicted, true)
    if x.shape[-1] < 2:
        return np.full(np.broadcast_shapes(x.shape, y.shape)[:-1], np.nan)
    from scipy.stats import rankdata

    return plcc(rankdata(x, axis=-1), rankdata(y, axis=-1))


def kendall(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Kendall's tau-b: pairs in the same order minus pairs in the opposite one, ties accounted for.

    Computed by scipy, one row at a time: its O(n log n) count of a row is as fast as ranking it.

    Args:
        predicted: Predictions, shape (..., n).
        true: True values, broadcastable to the same shape, any unit.

    Returns:
        Correlations in [-1, 1], shape (...); NaN as for `plcc`.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    from scipy.stats import kendalltau

    x, y = np.broadcast_arrays(*_paired(predicted, true))
    n = x.shape[-1]
    if n < 2:
        return np.full(x.shape[:-1], np.nan)
    if n == 2:
        # One pair of rows, of which scipy's p-value is 0 / 0.
        order = _order(x) * _order(y)
        return np.where(order == 0, np.nan, order)
    rows = zip(x.reshape(-1, n), y.reshape(-1, n), strict=True)
    # The p-value is not used; asymptotic is the quick one.
    figures = [kendalltau(a, b, method="asymptotic").statistic for a, b in rows]
    return np.asarray(figures, dtype=np.float64).reshape(x.shape[:-1])


def _paired(predicted: ArrayLike, true: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    x = np.atleast_1d(np.asarray(predicted, dtype=np.float64))
    y = np.atleast_1d(np.asarray(true, dtype=np.float64))
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"a correlation needs one true value per prediction, got {x.shape[-1]} predictions "
            f"and {y.shape[-1]} true values"
        )
    return x, y


def _order(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the second of two is larger, -1 where it is smaller, else 0."""
    first, second = pairs[..., 0], pairs[..., 1]
    return np.asarray((second > first) * 1.0 - (second < first), dtype=np.float64)


def _centred(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values minus their mean, and their root sum of squares (NaN for a constant), both scaled."""
    values = np.ldexp(values, -exponent_of(values))
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=-1))
    floor = _RELATIVE_SPREAD_FLOOR * np.abs(values).max(axis=-1) * np.sqrt(values.shape[-1])
    return centred, np.where(spread > floor, spread, np.nan)


def spearman_error(srcc: float, n: float) -> float:
    """Standard error of a rank correlation over n independent images; infinite for 3 or fewer.

    Bonett and Wright 2000, Psychometrika 65, https://doi.org/10.1007/BF02294183, taken back from
    Fisher's scale.
    """
    if n <= 3:
        return math.inf
    return (1 - srcc**2) * math.sqrt((1 + srcc**2 / 2) / (n - 3))
