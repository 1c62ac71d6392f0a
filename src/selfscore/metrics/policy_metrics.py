"""All figures of one policy on one set of images, from its table of judged predictions."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.accuracy import level_entropy, mean_absolute_error, share, within
from selfscore.metrics.intervals import bootstrap
from selfscore.metrics.rank_correlation import plcc, srcc

Statistic = Callable[..., NDArray[np.float64]]

exact = partial(within, distance=0.0)


def policy_metrics(
    judgements: pd.DataFrame,
    n_levels: int,
    *,
    clusters: pd.Series | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric with its bootstrap interval.

    Metrics without a suffix use the expected score, those with `_emitted` the score the policy
    wrote; answers in no valid format count in `format_valid` and are left out of the latter and
    of consistency. `mae` is in the user's unit, `within_1`, `exact` and `consistency_mae` are in
    levels. `consistency` is the rank correlation of the level inferred from the explanation with
    the stated one, `inferred_srcc_true` with the true score. `faithfulness` has rows only where
    severities are known.

    Args:
        judgements: One row per image: score, level, expected_score, expected_level, valid,
            emitted_score, emitted_level, inferred_level (missing where not valid) and
            faithfulness (missing where not scored).
        n_levels: Number of levels of the scale.
        clusters: Cluster of each row where rows depend on each other, such as pictures of one
            scene; None where they do not.
        n_resamples: Bootstrap resamples per metric.
        confidence: Share of resamples the interval covers.
        seed: Seed of the resamples.

    Returns:
        Columns metric, value, low, high, n (rows the value rests on).
    """
    rows = []
    for metric, statistic, columns in _metrics(n_levels):
        complete = judgements[list(columns)].astype("float64").dropna()
        if metric == "faithfulness" and complete.empty:
            continue
        interval = bootstrap(
            statistic,
            *(complete[column].to_numpy() for column in columns),
            clusters=None if clusters is None else clusters.loc[complete.index].to_numpy(),
            n_resamples=n_resamples,
            confidence=confidence,
            seed=seed,
        )
        rows.append({"metric": metric, **interval._asdict()})
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"])


def _metrics(n_levels: int) -> Iterator[tuple[str, Statistic, tuple[str, ...]]]:
    for suffix, source in (("", "expected"), ("_emitted", "emitted")):
        scores, levels = (f"{source}_score", "score"), (f"{source}_level", "level")
        yield f"srcc{suffix}", srcc, scores
        yield f"plcc{suffix}", plcc, scores
        yield f"mae{suffix}", mean_absolute_error, scores
        yield f"within_1{suffix}", within, levels
    yield "exact_emitted", exact, ("emitted_level", "level")
    yield "format_valid", share, ("valid",)
    yield "level_entropy", partial(level_entropy, n_levels=n_levels), ("emitted_level",)
    stated = ("inferred_level", "emitted_level")
    yield "consistency", srcc, stated
    yield "consistency_mae", mean_absolute_error, stated
    yield "consistency_within_1", within, stated
    yield "inferred_srcc_true", srcc, ("inferred_level", "score")
    yield "faithfulness", share, ("faithfulness",)
