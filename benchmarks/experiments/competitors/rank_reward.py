"""The reward of an answer by how well its score orders the images: VisualQuality-R1's, mended.

Wu et al., arXiv 2505.14460, equations 2 to 5. Two things are done otherwise than in the code that
was published with it. An answer that cannot be read gets no score at all, where a random one is
drawn there. And a variance has a floor: there the unbiased variance of answers that all agree is 0,
and the chance divides by it. A written level stands for all scores that round to it, so it has the
variance of rounding, 1/12 of a squared level.

Knows numbers alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]

ROUNDING = 1 / 12


def rank_rewards(levels: Array, position: Array) -> Array:
    """Fidelity of the order that each answer's score gives, and 1 for an answer that can be read.

    p_k(i, j) = Φ((q_k(i) - μ_j) / √(σ_i² + σ_j²)) is the chance that image i is better than j by
    answer k, μ and σ² being mean and variance over an image's answers; p* is 0, ½ or 1 by the true
    scores. The reward is the mean over j of √(p p*) + √((1 - p)(1 - p*)), plus 1.

    Args:
        levels: [B, K] level that each of K answers about each of B images states; NaN where it
            cannot be read.
        position: [B] the true scores, in any unit.

    Returns:
        [B, K], from 0 to 2. An answer that cannot be read has 0; without another image that has an
        answer, the order is worth nothing.
    """
    read = ~np.isnan(levels)
    count = read.sum(axis=1)
    there = count > 0
    mean = np.where(there, np.nansum(levels, axis=1) / np.maximum(count, 1), np.nan)
    squares = np.where(read, (levels - mean[:, None]) ** 2, 0.0)
    variance = squares.sum(axis=1) / np.maximum(count, 1) + ROUNDING
    spread = np.sqrt(variance[:, None] + variance[None, :])
    # [B, K, B]: each answer against every image.
    p = norm.cdf((levels[:, :, None] - mean[None, None, :]) / spread[:, None, :])
    truly = (0.5 + 0.5 * np.sign(position[:, None] - position[None, :]))[:, None, :]
    fidelity = np.sqrt(p * truly) + np.sqrt((1 - p) * (1 - truly))
    others = there[None, :] & ~np.eye(len(levels), dtype=bool)
    compared = np.where(others[:, None, :] & read[:, :, None], fidelity, 0.0).sum(axis=2)
    order = compared / np.maximum(others.sum(axis=1), 1)[:, None]
    return np.where(read, order + 1.0, 0.0)
