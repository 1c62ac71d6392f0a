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


def taste_levels(
    severities: Mapping[str, np.ndarray],
    levels: int,
    rng: np.random.Generator,
    indecision: float = 0.3,
) -> np.ndarray:
    """Give every picture a level by the model's taste; every level is equally frequent.

    Args:
        severities: One array of shape (n,) per attribute, values in [0, 1].
        levels: Number of levels.
        rng: Source of indecision.
        indecision: Standard deviation of the noise added to the opinion, in weighted severities.

    Returns:
        Integer levels of shape (n,), 0 is worst.
    """
    opinion = -np.sum([weight * severities[name] for name, weight in TASTE.items()], axis=0)
    opinion = opinion + rng.normal(0.0, indecision, size=opinion.shape)
    ranks = np.argsort(np.argsort(opinion))
    return np.asarray(ranks * levels // len(ranks), dtype=np.int64)
