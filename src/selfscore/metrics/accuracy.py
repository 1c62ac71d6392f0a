"""How far predictions lie from the truth, over the last axis."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.magnitude import exponent_of


def mean_absolute_error(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Mean absolute difference, in the unit of the values given.

    Args:
        predicted: Predictions, shape (..., n).
        true: True values of the same shape and unit.

    Returns:
        Errors >= 0, shape (...); NaN for no values, and where the error is no finite number.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    difference, exponent = _difference(predicted, true)
    return _sized(_mean(np.abs(difference)), exponent)


def root_mean_squared_error(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Root of the mean squared difference, in the unit of the values given.

    Args:
        predicted: Predictions, shape (..., n).
        true: True values of the same shape and unit.

    Returns:
        Errors >= 0, shape (...); NaN as for the mean absolute error, below which it never is.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    difference, exponent = _difference(predicted, true)
    return _sized(np.sqrt(_mean(difference**2)), exponent)


def within(predicted: ArrayLike, true: ArrayLike, distance: float = 1.0) -> NDArray[np.float64]:
    """Share of predictions at most `distance` away from the truth.

    Args:
        predicted: Predicted levels, shape (..., n), whole or not.
        true: True levels of the same shape.
        distance: Largest difference that still counts, in levels; 0.5 asks for the exact level,
            or for an expected level whose nearest level is the true one.

    Returns:
        Shares in [0, 1], shape (...); NaN for no values.

    Raises:
        ValueError: If the two do not hold equally many values.
    """
    difference, exponent = _difference(predicted, true)
    return _mean(np.abs(difference) <= np.ldexp(distance, -exponent))


def exact(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Share of predictions whose nearest level is the true one; see `within`."""
    return within(predicted, true, 0.5)


def share(flags: ArrayLike) -> NDArray[np.float64]:
    """Share of true flags, for instance of answers in the valid format.

    Args:
        flags: Booleans, or numbers in [0, 1], shape (..., n).

    Returns:
        Shares in [0, 1], shape (...); NaN for no flags.
    """
    return _mean(np.atleast_1d(np.asarray(flags, dtype=np.float64)))


def level_entropy(levels: ArrayLike, n_levels: int) -> NDArray[np.float64]:
    """Evenness of the levels in use: 0 if all answers share one level, 1 if all occur equally.

    A policy that falls back on one favourite score shows here before its correlation does.

    Args:
        levels: Emitted levels in 0..n_levels-1, shape (..., n).
        n_levels: Number of levels of the scale, at least 2.

    Returns:
        Shannon entropy of the histogram divided by log(n_levels), in [0, 1], shape (...); NaN for
        no levels.
    """
    emitted = np.atleast_1d(np.asarray(levels))
    shares = np.stack([_mean(emitted == level) for level in range(n_levels)])
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(shares == 0, 0.0, -shares * np.log(shares))
    return np.asarray(surprise.sum(axis=0) / np.log(n_levels))


def _difference(
    predicted: ArrayLike, true: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Differences divided by a power of two, and its exponent; see `exponent_of`."""
    x = np.atleast_1d(np.asarray(predicted, dtype=np.float64))
    y = np.atleast_1d(np.asarray(true, dtype=np.float64))
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"one true value per prediction is needed, got {x.shape[-1]} predictions "
            f"and {y.shape[-1]} true values"
        )
    if x.shape[-1] == 0:
        return np.zeros(np.broadcast_shapes(x.shape, y.shape)), np.zeros((1,), dtype=np.int64)
    exponent = exponent_of(x, y)
    # What is no finite number gives none.
    with np.errstate(invalid="ignore"):
        return np.ldexp(x, -exponent) - np.ldexp(y, -exponent), exponent


def _sized(values: NDArray[np.float64], exponent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values times the power of two that `_difference` took away; NaN where that is too large."""
    with np.errstate(over="ignore"):
        sized = np.ldexp(values, exponent[..., 0])
    return np.where(np.isfinite(sized), sized, np.nan)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.float64]:
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    return np.asarray(values.mean(axis=-1), dtype=np.float64)
