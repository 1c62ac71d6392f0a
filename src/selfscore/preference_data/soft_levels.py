"""From a true score to a distribution over levels whose mean is that score.

Soft levels after DeQA-Score (You et al., arXiv 2501.11561, section 3.2), in another way: the paper
cuts a normal distribution into bins and mends sum and mean by a line, which can go below 0. Here a
discrete normal distribution is moved until its mean is right, and both are exact. Knows numbers
alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Below it, in levels, a discrete normal is its own limit to the last digits.
_NARROW = 0.15
# Halvings of an interval of a few hundred, down to what a float tells apart.
_HALVINGS = 64


def soft_levels(position: Array, spread: Array, levels: int) -> Array:
    """Probability of each level, [N, levels]: Σ p = 1 and Σ k p = position.

    Args:
        position: [N], 0 … levels - 1.
        spread: [N] standard deviation of the normal distribution, in levels. Where it is 0, not
            known (NaN) or very small, the two neighbouring levels share the probability, which is
            the limit.
        levels: number of levels.
    """
    k = np.arange(levels)
    target = np.clip(1 - np.abs(position[:, None] - k), 0, None)
    wide = spread > _NARROW
    if wide.any():
        target[wide] = _normal(position[wide], spread[wide], levels)
    return target


def _normal(position: Array, spread: Array, levels: int) -> Array:
    """As exp(t k - k² / 2σ²), with t such that the mean is right, found by halving an interval."""
    k = np.arange(levels)
    fall = k**2 / (2 * spread[:, None] ** 2)
    low = np.full(len(position), -60.0)
    high = 60 + (levels - 0.5) / spread**2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _weights(middle[:, None] * k - fall) @ k > position
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return _weights(((low + high) / 2)[:, None] * k - fall)


def _weights(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares
