"""Simulate people who rate pictures: severity decides, raters scatter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

#: How much each fault lowers the raters' opinion.
WEIGHTS = {
    "blur": 1.0,
    "noise": 1.0,
    "compression": 0.9,
    "colour": 0.15,
    "exposure": 0.15,
    "contrast": 0.15,
}
#: Opinion, in weighted severities, that gets the middle of the scale; and points per unit of it.
_MIDDLE, _SLOPE = -0.95, 3.0


def rate(
    severities: Mapping[str, np.ndarray],
    scenes: Sequence[str],
    raters: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Let simulated raters vote on pictures.

    Each rater is milder or stricter than the others and scatters; each scene is liked a little
    more or less whatever its faults. Votes are whole points from 1 to 10.

    Args:
        severities: One array of shape (n,) per attribute, values in [0, 1].
        scenes: The scene of each picture, length n.
        raters: Number of raters, at least 2; each votes on every picture.
        rng: Source of bias and scatter.

    Returns:
        A table of n rows with ``score`` (mean vote), ``score_std`` (spread) and ``raters``.

    Raises:
        ValueError: If there are fewer than two raters, who have no spread.
    """
    if raters < 2:
        raise ValueError(f"`raters` is {raters}; a spread needs at least 2 raters.")
    opinion = -np.sum([weight * severities[name] for name, weight in WEIGHTS.items()], axis=0)
    names, place = np.unique(np.asarray(scenes), return_inverse=True)
    liking = rng.normal(0.0, 0.3, size=len(names))[place]
    merit = 5.5 + _SLOPE * (opinion - _MIDDLE) + liking
    bias = rng.normal(0.0, 0.5, size=(raters, 1))
    scatter = rng.normal(0.0, 1.1, size=(raters, len(merit)))
    votes = np.clip(np.rint(merit[None, :] + bias + scatter), 1, 10)
    return pd.DataFrame(
        {
            "score": votes.mean(axis=0).round(3),
            "score_std": votes.std(axis=0, ddof=1).round(3),
            "raters": raters,
        }
    )
