"""All figures of one policy on one set of images, from its table of judged predictions."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from selfscore.metrics.accuracy import (
    exact,
    level_entropy,
    mean_absolute_error,
    root_mean_squared_error,
    share,
    within,
)
from selfscore.metrics.figures import POOLED
from selfscore.metrics.rank_correlation import kendall, plcc, srcc
from selfscore.metrics.resampling import Resampling, Statistic

# Against the true score, in the user's unit.
SCORE_METRICS: dict[str, Statistic] = {
    "srcc": srcc,
    "plcc": plcc,
    "kendall": kendall,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
}
# Against the true level, in levels.
LEVEL_METRICS: dict[str, Statistic] = {"within_1": within, "exact": exact}


def policy_metrics(judgements: pd.DataFrame, n_levels: int, resampling: Resampling) -> pd.DataFrame:
    """Every metric with its bootstrap interval.

    Metrics without a suffix use the expected score or level, those with `_emitted` what the policy
    wrote; answers in no valid format count in `format_valid` and are left out of the latter and
    of consistency. `mae` and `rmse` are in the user's unit, `within_1`, `exact` (the nearest level
    is the true one) and `consistency_mae` are in levels. `consistency` is the rank correlation of
    the level inferred from the explanation with the stated one, `inferred_srcc_true` with the true
    score. `faithfulness` has rows only where severities are known.

    Args:
        judgements: One row per image: score, level, expected_score, expected_level, valid,
            emitted_score, emitted_level, inferred_level (missing where not valid) and
            faithfulness (missing where not scored).
        n_levels: Number of levels of the scale.
        resampling: How the rows are resampled.

    Returns:
        Columns metric, value, low, high, n (rows the value rests on).
    """
    figures = [
        (metric, statistic, judgements[list(columns)].astype("float64").dropna())
        for metric, statistic, columns in _metrics(n_levels)
    ]
    return resampling.table(row for row in figures if row[0] != "faithfulness" or not row[2].empty)


def policy_metrics_by_group(
    judgements: pd.DataFrame,
    n_levels: int,
    group_column: str | None,
    min_group: int,
    resampling: Resampling,
) -> pd.DataFrame:
    """`policy_metrics` of all images, then of the images of each group on their own.

    Args:
        judgements: See `policy_metrics`, with the grouping column.
        n_levels: Number of levels of the scale.
        group_column: Column to group by, such as the camera or the kind of picture; None: only
            the pooled figures.
        min_group: Groups of fewer images get values without an interval: a bootstrap of a handful
            of images promises more than it knows. `n` states how many there are.
        resampling: How the rows are resampled.

    Returns:
        Columns group ("all" for the pooled figures, listed first), metric, value, low, high, n;
        low and high are NaN in groups of fewer than `min_group` images. Images without a group
        (missing or "") are in the pooled figures only.

    Raises:
        ValueError: If the table has no such column, or a group is called "all".
    """
    parts = {POOLED: judgements}
    if group_column is not None:
        if group_column not in judgements:
            raise ValueError(
                f"there is no column {group_column!r} to group the figures by: the table has "
                f"{sorted(map(str, judgements.columns))}"
            )
        for name, rows in judgements.groupby(group_column):
            if str(name) == POOLED:
                raise ValueError(
                    f"a group of the column {group_column!r} is called {POOLED!r}, which stands "
                    "for all images together; rename it"
                )
            if str(name):
                parts[str(name)] = rows
    tables = []
    for name, rows in parts.items():
        figures = policy_metrics(rows, n_levels, resampling)
        if name != POOLED and len(rows) < min_group:
            figures[["low", "high"]] = np.nan
        tables.append(figures.assign(group=name))
    table = pd.concat(tables, ignore_index=True)
    return table[["group", "metric", "value", "low", "high", "n"]]


def _metrics(n_levels: int) -> Iterator[tuple[str, Statistic, tuple[str, ...]]]:
    for suffix, source in (("", "expected"), ("_emitted", "emitted")):
        for metric, statistic in SCORE_METRICS.items():
            yield f"{metric}{suffix}", statistic, (f"{source}_score", "score")
        for metric, statistic in LEVEL_METRICS.items():
            yield f"{metric}{suffix}", statistic, (f"{source}_level", "level")
    yield "format_valid", share, ("valid",)
    yield "level_entropy", partial(level_entropy, n_levels=n_levels), ("emitted_level",)
    stated = ("inferred_level", "emitted_level")
    yield "consistency", srcc, stated
    yield "consistency_mae", mean_absolute_error, stated
    yield "consistency_within_1", within, stated
    yield "inferred_srcc_true", srcc, ("inferred_level", "score")
    yield "faithfulness", share, ("faithfulness",)
