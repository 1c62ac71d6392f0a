"""How well a judge tells two explanations of one image apart by the score each was written for."""

import numpy as np
from numpy.typing import ArrayLike


def counterfactual_discrimination(
    inferred_first: ArrayLike,
    inferred_second: ArrayLike,
    level_first: ArrayLike,
    level_second: ArrayLike,
) -> float:
    """Share of images whose two explanations the judge assigns to the right one of two scores.

    For every image two texts were written, one for each of two different levels. The judge is
    right if it reads the higher level from the text of the higher level; equal readings count
    one half. Chance is 0.5.

    Args:
        inferred_first: Level inferred from the first text of each image, shape (n,).
        inferred_second: Level inferred from the second text, shape (n,).
        level_first: Level the first text was written for, shape (n,).
        level_second: Level the second text was written for, shape (n,).

    Returns:
        A share in [0, 1]; NaN if no image has two different levels.
    """
    inferred = np.asarray(inferred_first, dtype=np.float64) - np.asarray(inferred_second)
    stated = np.asarray(level_first, dtype=np.float64) - np.asarray(level_second)
    told_apart = stated != 0
    if not told_apart.any():
        return float("nan")
    agreement = np.sign(inferred[told_apart]) * np.sign(stated[told_apart])
    return float((agreement + 1.0).mean() / 2.0)
