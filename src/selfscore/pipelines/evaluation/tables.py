"""How the evaluation's tables are made: figures of each policy on each split, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from selfscore.metrics.resampling import Resampling, clusters_of


def per_policy(
    answers: pd.DataFrame, measure: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """The figures of every policy on every split, one table below the other.

    Args:
        answers: one row a policy and image, with policy and split.
        measure: makes a table of the rows of one policy on one split.

    Returns:
        The tables, with policy and split as their first columns.
    """
    tables = []
    for names, rows in answers.groupby(["policy", "split"], sort=False):
        policy, split = map(str, names)
        table = measure(rows)
        table.insert(0, "policy", policy)
        table.insert(1, "split", split)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def resampling(groups: pd.Series, parameters: Mapping[str, Any], seed: int) -> Resampling:
    """How the intervals of figures are drawn.

    Args:
        groups: group of each row that is measured.
        parameters: `resampling_unit`, `n_resamples` and `confidence`.
        seed: of the resamples.
    """
    return Resampling(
        parameters["n_resamples"],
        parameters["confidence"],
        seed,
        clusters_of(groups, parameters["resampling_unit"]),
    )
