"""Which wrong level an image is explained with.

Knows levels only. The choice decides what a policy could learn without looking at the image: if
some levels are rejected more often than chosen, always preferring the others wins.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Strategy = Literal["even", "uniform", "marginal"]


def widest_radius(true_levels: NDArray[np.int64]) -> int:
    """The largest exclusion radius that leaves every level that occurs another one that does.

    Raises:
        ValueError: all images have one level, so there is no wrong one.
    """
    found = np.unique(true_levels)
    if len(found) < 2:
        raise ValueError(
            f"All training images have the level {found[0]}, so none can be explained with a wrong "
            "one. Run the pipeline `ingestion` again, on images with different scores."
        )
    return int(np.maximum(found - found[0], found[-1] - found).min()) - 1


def wrong_level_probabilities(
    true_levels: NDArray[np.int64], levels: int, exclusion_radius: int, strategy: Strategy
) -> NDArray[np.float64]:
    """Probability of each wrong level given the true one.

    Args:
        true_levels: [N], the training images' levels.
        levels: number of levels.
        exclusion_radius: levels within this distance of the true one are never drawn.
        strategy: ``even``: every pair of levels is as often (chosen, rejected) as the other way
            round, so the levels alone say nothing; ``uniform``: all allowed levels alike;
            ``marginal``: allowed levels as frequent as among the true ones. A level that no image
            has is never drawn: it alone would tell that it is wrong.

    Returns:
        [levels, levels]; row = true level, rows of levels that occur sum to 1.

    Raises:
        ValueError: a level that occurs has no allowed wrong level, see `widest_radius`.
    """
    distance = np.abs(np.subtract.outer(np.arange(levels), np.arange(levels)))
    marginal = np.bincount(true_levels, minlength=levels) / len(true_levels)
    allowed = ((distance > exclusion_radius) & (marginal > 0)).astype(float)
    stuck = [level for level in np.flatnonzero(marginal) if not allowed[level].any()]
    if stuck:
        raise ValueError(
            f"`exclusion_radius` {exclusion_radius} leaves no wrong level for level {stuck[0]} of "
            f"{levels}: lower the radius or raise `levels`."
        )
    weights = {"uniform": allowed, "marginal": allowed * marginal}.get(strategy)
    if weights is None:
        weights = _balance(allowed, marginal)
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, allowed)
    sums = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)


def draw_wrong_levels(
    true_levels: NDArray[np.int64],
    levels: int,
    exclusion_radius: int,
    strategy: Strategy,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """One wrong level an image, [N], drawn from `wrong_level_probabilities`."""
    table = wrong_level_probabilities(true_levels, levels, exclusion_radius, strategy)
    cumulative = table[true_levels].cumsum(axis=1)
    draws = rng.random((len(true_levels), 1))
    return np.minimum((draws >= cumulative).sum(axis=1), levels - 1)


def _balance(allowed: NDArray[np.float64], marginal: NDArray[np.float64]) -> NDArray[np.float64]:
    """A symmetric joint table with rows and columns as near to `marginal` as `allowed` permits.

    Symmetric Sinkhorn scaling D·A·D (Knight, Ruiz & Uçar 2014, https://doi.org/10.1137/110825753);
    symmetry alone already makes both directions of a pair equally likely.
    """
    scale = np.sqrt(marginal)
    for _ in range(200):
        reached = scale * (allowed @ scale)
        scale = scale * np.sqrt(
            np.divide(marginal, reached, out=np.ones_like(scale), where=reached > 0)
        )
    return scale[:, None] * allowed * scale
