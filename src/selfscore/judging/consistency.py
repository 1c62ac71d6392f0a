"""The figures of one judge: do the explanations fit the scores they come with?

Knows the levels a judge read and the levels stated; knows no judge and no text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.judging.discrimination import told_apart
from selfscore.metrics.accuracy import mean_absolute_error, share, within
from selfscore.metrics.intervals import bootstrap
from selfscore.metrics.rank_correlation import srcc

COLUMNS = ["metric", "value", "low", "high", "n"]


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
    inferred: ArrayLike,
    stated: ArrayLike,
    true: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
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
        clusters: Cluster of each row where rows depend on each other, such as pictures of one
            scene; None where they do not.
        n_resamples: Bootstrap resamples per figure.
        confidence: Share of the resampled figures that an interval covers, in (0, 1).
        seed: Seed of the resamples and of the control's pairing.

    Returns:
        One row a figure: metric, value, low, high, n (rows the value rests on); all but `judged`
        leave out explanations without a usable answer.
    """
    readings = np.asarray(inferred, dtype=np.float64)
    usable = ~np.isnan(readings)
    read = readings[usable]
    levels = np.asarray(stated, dtype=np.float64)[usable]
    truth = np.asarray(true, dtype=np.float64)[usable]
    labels = None if clusters is None else np.asarray(clusters)
    of_usable = None if labels is None else labels[usable]

    def figure(
        metric: str, statistic: Any, *columns: ArrayLike, clusters: ArrayLike | None
    ) -> dict[str, Any]:
        interval = bootstrap(
            statistic,
            *columns,
            clusters=clusters,
            n_resamples=n_resamples,
            confidence=confidence,
            seed=seed,
        )
        return {"metric": metric, **interval._asdict()}

    rows = [
        figure("judged", share, usable, clusters=labels),
        figure("consistency", srcc, read, levels, clusters=of_usable),
        figure("consistency_within_1", within, read, levels, clusters=of_usable),
        figure("consistency_mae", mean_absolute_error, read, levels, clusters=of_usable),
        figure("inferred_srcc_true", srcc, read, truth, clusters=of_usable),
        figure(
            "consistency_wrong_image", srcc, read[_partners(len(read), seed)], levels,
            clusters=of_usable,
        ),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def discrimination_figure(
    image_ids: Sequence[str],
    inferred: ArrayLike,
    levels: ArrayLike,
    *,
    groups: Mapping[str, str] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Counterfactual discrimination: can the judge tell the two texts of an image apart?

    Args:
        image_ids: Image of each text; two texts an image count, see `told_apart`.
        inferred: Level read from each text, NaN where there is none.
        levels: Level each text was written for.
        groups: Group of each image where images depend on each other; None where they do not.
        n_resamples: Bootstrap resamples.
        confidence: Share of the resampled figures that the interval covers, in (0, 1).
        seed: Seed of the resamples.

    Returns:
        One row, `discrimination` in [0, 1], chance 0.5, with the columns of `consistency_figures`;
        n is the number of images. NaN where no image has two texts of different levels.
    """
    told = told_apart(image_ids, inferred, levels)
    interval = bootstrap(
        share,
        told.to_numpy(),
        clusters=None if groups is None else [groups[str(image)] for image in told.index],
        n_resamples=n_resamples,
        confidence=confidence,
        seed=seed,
    )
    return pd.DataFrame([{"metric": "discrimination", **interval._asdict()}], columns=COLUMNS)


def _partners(n: int, seed: int) -> NDArray[np.int64]:
    """For each row another one, every row once: neighbours in a random circle."""
    circle = np.random.default_rng(seed).permutation(n)
    partners = np.empty(n, dtype=np.int64)
    partners[circle] = np.roll(circle, 1)
    return partners
