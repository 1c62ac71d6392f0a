"""The demo model's own taste, which differs from the raters' on purpose.

The raters of the demo mind blur, noise and compression; the base model minds colour, exposure and
contrast, and the raters' attributes only a little. That difference is the headroom that
self-improvement can win, and it is designed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: How much each fault lowers the model's opinion.
TASTE = {
    "colour": 0.9,
    "exposure": 0.9,
    "contrast": 0.8,
    "blur": 0.08,
    "noise": 0.08,
    "compression": 0.08,
}


def taste_ranks(
    severities: Mapping[str, np.ndarray], rng: np.random.Generator, indecision: float = 0.3
) -> np.ndarray:
    """Rank every picture by the model's taste, without ties.

    Args:
        severities: One array of shape (n,) per attribute, values in [0, 1].
        rng: Source of indecision.
        indecision: Standard deviation of the noise added to the opinion, in weighted severities.

    Returns:
        Shape (n,): the place of each picture, from 0, the least liked, to 1.
    """
    opinion = -np.sum([weight * severities[name] for name, weight in TASTE.items()], axis=0)
    opinion = opinion + rng.normal(0.0, indecision, size=opinion.shape)
    return (np.argsort(np.argsort(opinion)) + 0.5) / len(opinion)


def taste_levels(ranks: np.ndarray, levels: int) -> np.ndarray:
    """Integer levels of shape (n,) on a scale of any number of levels, all equally frequent.

    Args:
        ranks: What :func:`taste_ranks` gave.
        levels: Number of levels; level 0 is worst.
    """
    return (ranks * levels).astype(np.int64)
