"""The figures of one judge: do the explanations fit the scores they come with?

Knows the levels a judge read and the levels stated; knows no judge and no text.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.judging.discrimination import told_apart
from selfscore.metrics.accuracy import mean_absolute_error, share, within
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling
from selfscore.metrics.shuffling import random_partners


def sampled(image_ids: Sequence[str], size: int, seed: int) -> NDArray[np.bool_]:
    """Which rows belong to a sample of the images, for judges whose every answer costs.

    The sample depends on the set of images and the seed alone, so every policy is judged on the
    same images, whatever the order of its rows.

    Args:
        image_ids: Image of each row, shape (n,).
        size: Number of images; all of them if there are not more.
        seed: Seed of the draw.

    Returns:
        True for the rows of the images drawn, shape (n,).

    Raises:
        ValueError: If `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"a sample to judge needs at least 1 image, got `sample_size` {size}")
    images = np.unique(np.asarray(image_ids))
    drawn = np.random.default_rng(seed).permutation(images)[:size]
    return np.isin(np.asarray(image_ids), drawn)


def consistency_figures(
    inferred: ArrayLike, stated: ArrayLike, true: ArrayLike, resampling: Resampling
) -> pd.DataFrame:
    """How well one judge's reading of explanations fits their stated scores.

    - `judged`: share of the explanations that the judge gave a usable answer to.
    - `consistency`: rank correlation of the inferred with the stated level.
    - `consistency_within_1`: share of inferred levels at most one from the stated level.
    - `consistency_mae`: mean distance of inferred and stated level, in levels.
    - `inferred_srcc_true`: rank correlation of the inferred level with the true score.
    - `consistency_wrong_image`: as `consistency`, but each stated level is held against the
      explanation of another image. It must be about 0: what is above it is what explanations have
      in common, not what this one says.

    Args:
        inferred: Level read from each explanation, NaN where there is none, shape (n,), one row
            an image.
        stated: Level each explanation came with, shape (n,).
        true: True score or level of each image, any unit, shape (n,).
        resampling: How the rows are resampled; its seed is also that of the control's pairing.

    Returns:
        One row a figure: metric, value, low, high, n (rows the value rests on); all but `judged`
        leave out explanations without a usable answer.
    """
    readings = np.asarray(inferred, dtype=np.float64)
    usable = ~np.isnan(readings)
    read = readings[usable]
    levels = np.asarray(stated, dtype=np.float64)[usable]
    truth = np.asarray(true, dtype=np.float64)[usable]
    of_usable = resampling.among(usable)
    others = read[random_partners(read, np.random.default_rng(resampling.seed))]
    figures = {
        "judged": resampling.interval(share, usable),
        "consistency": of_usable.interval(srcc, read, levels),
        "consistency_within_1": of_usable.interval(within, read, levels),
        "consistency_mae": of_usable.interval(mean_absolute_error, read, levels),
        "inferred_srcc_true": of_usable.interval(srcc, read, truth),
        "consistency_wrong_image": of_usable.interval(srcc, others, levels),
    }
    return pd.DataFrame(
        [{"metric": metric, **figure._asdict()} for metric, figure in figures.items()]
    )


def discrimination_figure(
    image_ids: Sequence[str], inferred: ArrayLike, levels: ArrayLike, resampling: Resampling
) -> pd.DataFrame:
    """Counterfactual discrimination: can the judge tell the two texts of an image apart?

    Args:
        image_ids: Image of each text; two texts an image count, see `told_apart`.
        inferred: Level read from each text, NaN where there is none.
        levels: Level each text was written for.
        resampling: How images are resampled; its clusters are named by image id.

    Returns:
        One row, `discrimination` in [0, 1], chance 0.5, with the columns of `consistency_figures`;
        n is the number of images. NaN where no image has two texts of different levels.
    """
    told = told_apart(image_ids, inferred, levels)
    interval = resampling.among(told.index).interval(share, told)
    return pd.DataFrame(
        [{"metric": "discrimination", **interval._asdict()}], columns=FIGURE_COLUMNS
    )
