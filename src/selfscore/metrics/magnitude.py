"""Numbers near the largest one that a computer knows (1.8e308), whose sums would overflow."""

import numpy as np
from numpy.typing import NDArray


def exponent_of(*arrays: NDArray[np.float64]) -> NDArray[np.int64]:
    """The power of two by which numbers above 1 are divided to be below 1.

    `numpy.ldexp(array, -exponent)` changes no digit of a number, so the means of what it gives are
    those of the numbers, and overflow nowhere.

    Args:
        arrays: Rows of numbers, each of shape (..., n) with n of at least 1.

    Returns:
        Exponents, shape (..., 1).
    """
    largest = [np.abs(array).max(axis=-1, keepdims=True) for array in arrays]
    _, exponent = np.frexp(np.maximum.reduce(np.broadcast_arrays(*largest)))
    return np.maximum(exponent, 0).astype(np.int64)
