"""Differences between two policies on the same images and seeds, with their intervals.

The luck of the images is the same for both, and so is that of a seed's texts and order, so it
cancels in the difference. What is left of it is measured by drawing scenes and seeds anew, both at
once (Owen, "The pigeonhole bootstrap", 2007, https://doi.org/10.1214/07-AOAS122).

Knows answers and metrics; knows no run and no page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from selfscore.metrics.intervals import Interval
from selfscore.metrics.resampling import IntervalSettings

Array = NDArray[np.float64]

INTERVALS = IntervalSettings("group", 1000, 0.95)
# Metric → the columns of the answers that it is made of.
COLUMNS = {
    "srcc": ("expected", "score"),
    "consistency": ("inferred", "stated"),
    "faithfulness": ("faithfulness",),
    "format_valid": ("valid",),
}


def paired_difference(default: pd.DataFrame, other: pd.DataFrame, metric: str) -> Interval | None:
    """How far the default is ahead of another policy, the mean over seeds.

    Args:
        default: seed, image_id, group and the columns of the metric, one row a seed and image.
        other: the same of the other policy; seeds and images that only one of them has are left
            out.
        metric: one of `COLUMNS`.

    Returns:
        The difference with its interval, n being the images; None where one of the policies was not
        measured so, or they have no seed in common.
    """
    columns = COLUMNS[metric]
    seeds = sorted(set(default["seed"]) & set(other["seed"]))
    by_seed = [_by_image(table, seed) for seed in seeds for table in (default, other)]
    if not seeds:
        return None
    images = by_seed[0].index
    for table in by_seed[1:]:
        images = images[images.isin(table.index)]
    given = [table.loc[images, column] for table in by_seed for column in columns]
    if any(values.isna().all() for values in given):
        return None
    draws = INTERVALS.resampling(by_seed[0].loc[images, "group"], seed=0)
    generator = np.random.default_rng(0)

    def difference(*arrays: Array) -> Array:
        reached = [
            _STATISTICS[metric](*arrays[place : place + len(columns)])
            for place in range(0, len(arrays), len(columns))
        ]
        ahead = np.stack([own - others for own, others in _in_twos(reached)])
        if ahead.ndim == 1:
            return np.asarray(ahead.mean())
        drawn = generator.integers(0, len(seeds), size=ahead.shape)
        return np.asarray(np.take_along_axis(ahead, drawn, axis=0).mean(axis=0))

    return draws.interval(difference, *given)


def known_srcc(a: Array, b: Array) -> Array:
    """Rank correlation over the last axis of what both have; ties share their mean rank."""
    both = ~(np.isnan(a) | np.isnan(b))
    ranks = [_ranks(values, both) for values in (a, b)]
    x, y = (np.where(both, own - _mean(own, both)[..., None], 0.0) for own in ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    return np.asarray(found, dtype=np.float64)


def known_mean(values: Array) -> Array:
    """Mean over the last axis of what is there."""
    return _mean(values, ~np.isnan(values))


_STATISTICS: dict[str, Callable[..., Array]] = {
    "srcc": known_srcc,
    "consistency": known_srcc,
    "faithfulness": known_mean,
    "format_valid": known_mean,
}


def _by_image(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    return table[table["seed"] == seed].set_index("image_id")


def _in_twos(values: list[Array]) -> list[tuple[Array, Array]]:
    """The first with the second, the third with the fourth, and so on."""
    return list(zip(values[::2], values[1::2], strict=True))


def _ranks(values: Array, known: NDArray[np.bool_]) -> Array:
    """Ranks among what is known; the others rank above, where they change nothing."""
    ranks: Array = rankdata(np.where(known, values, np.inf), axis=-1)
    return ranks


def _mean(values: Array, known: NDArray[np.bool_]) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))
