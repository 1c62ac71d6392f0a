"""How well a judge tells two explanations of one image apart by the score each was written for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def told_apart(
    image_ids: Sequence[str], inferred: ArrayLike, levels: ArrayLike
) -> "pd.Series[float]":
    """For every image with two texts: did the judge assign each to the right one of two scores?

    For every image two texts were written, one for each of two different levels. The judge is
    right if it reads the higher level from the text of the higher level; equal readings count
    one half. Chance is 0.5, and the mean over images is the *counterfactual discrimination*.

    Args:
        image_ids: Image of each text, in any order, shape (n,).
        inferred: Level inferred from each text, NaN where the judge gave no answer, shape (n,).
        levels: Level each text was written for, shape (n,).

    Returns:
        1 (right), 0.5 (equal) or 0 (wrong) by image id. Left out are images that do not have
        exactly two judged texts, and those whose two texts were written for the same level.
    """
    texts = pd.DataFrame(
        {
            "image_id": list(image_ids),
            "inferred": np.asarray(inferred, dtype=np.float64),
            "level": np.asarray(levels, dtype=np.float64),
        }
    ).dropna()
    texts = texts.sort_values("level", kind="stable")
    by_image = texts.groupby("image_id")
    low, high, n = by_image.first(), by_image.last(), by_image.size()
    counted = (n == 2) & (low["level"] < high["level"])
    difference = (high["inferred"] - low["inferred"])[counted]
    return difference.gt(0) + 0.5 * difference.eq(0)
