"""The figures of one run in one flat table.

A figure is named by round, policy and metric alone. What tells figures of one metric apart beside
these (judge, kind of table) is part of the metric's name, as `consistency.self`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from selfscore.layout import BASELINE, namespace
from selfscore.metrics.figures import CONTROLS, HEALTH, INCOMING, among

COLUMNS = ["round", "policy", "metric", "value", "low", "high", "n"]


def flat_figures(load: Callable[[str], Any], rounds: int, split: str) -> pd.DataFrame:
    """All figures of a run.

    Args:
        load: gives a dataset of the run by its name.
        rounds: number of its rounds; 0: the baseline alone.
        split: the one whose figures are kept.

    Returns:
        round, policy, metric, value, low, high, n. Metrics are named `<metric>`, of judges
        `<metric>.<judge>` and `<metric>.<judge>.<other judge>`, of health `health.<metric>`;
        `blind_accuracy` and `pairs` have the expert as their policy.
    """
    figures = load("figures_over_rounds" if rounds else f"{BASELINE}.figures")
    tables = [_named_apart(figures, split)]
    for number in range(1, rounds + 1):
        report = load(f"{namespace(number)}.preference_report")
        tables.append(_preferences(report).assign(round=number))
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def _named_apart(figures: pd.DataFrame, split: str) -> pd.DataFrame:
    """The figures of a split, without controls, with all that tells them apart in their names."""
    figures = among(figures[~figures["of"].isin(CONTROLS)], of=None)
    # The policy that a round starts from is judged by its texts about the training images.
    kept = figures[(figures["split"] == split) | (figures["policy"] == INCOMING)]
    return kept.assign(
        metric=[
            f"{HEALTH}.{metric}"
            if of == HEALTH
            else ".".join(filter(None, [metric, *of.split("/")]))
            for of, metric in zip(kept["of"], kept["metric"], strict=True)
        ]
    )


def _preferences(report: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"policy": expert, "metric": metric, "value": float(value)}
            for metric in ("pairs", "blind_accuracy")
            for expert, value in report[metric].items()
        ]
    )
