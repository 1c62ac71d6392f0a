"""How far judges agree with each other, so that no figure rests on the taste of one."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling


def weighted_kappa(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Cohen's kappa with quadratic weights, over the last axis.

    Written with moments, 1 - E(a - b)² / (Var a + Var b + (E a - E b)²), which is the same number
    as from the table of counts (Fleiss & Cohen 1973,
    https://doi.org/10.1177/001316447303300309) and can be resampled in one go.

    Args:
        first: Levels by one judge, whole numbers, shape (..., n).
        second: Levels by the other, same shape.

    Returns:
        Agreement in [-1, 1], shape (...): 1 if they always agree, 0 if as often as by chance; NaN
        where both always give one and the same level, or without values.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape[-1] == 0:
        return np.full(a.shape[:-1], np.nan)
    observed = ((a - b) ** 2).mean(axis=-1)
    by_chance = a.var(axis=-1) + b.var(axis=-1) + (a.mean(axis=-1) - b.mean(axis=-1)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1.0 - observed / by_chance, dtype=np.float64)


def agreement(inferred: Mapping[str, ArrayLike], resampling: Resampling) -> pd.DataFrame:
    """Agreement of every two judges on the explanations that both of them read.

    `kappa` is Cohen's with quadratic weights on levels rounded to whole ones; `srcc` is the rank
    correlation of the levels as they are.

    Args:
        inferred: Levels by judge, NaN where one gave no answer; the same explanations in the same
            order for all.
        resampling: How the explanations are resampled.

    Returns:
        of (`judge/other`), metric (`kappa`, `srcc`), value, low, high, n (explanations both read);
        no rows for fewer than two judges.
    """
    levels = {name: np.asarray(column, dtype=np.float64) for name, column in inferred.items()}
    rows = []
    for name, other in combinations(levels, 2):
        both = ~np.isnan(levels[name]) & ~np.isnan(levels[other])
        a, b = levels[name][both], levels[other][both]
        for metric, statistic, columns in (
            ("kappa", weighted_kappa, (np.rint(a), np.rint(b))),
            ("srcc", srcc, (a, b)),
        ):
            interval = resampling.among(both).interval(statistic, *columns)
            rows.append({"of": f"{name}/{other}", "metric": metric, **interval._asdict()})
    return pd.DataFrame(rows, columns=["of", *FIGURE_COLUMNS])
