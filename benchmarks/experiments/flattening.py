"""The figures of one run in one flat table.

A figure is named by round, policy and metric alone. What tells figures of one metric apart beside
these (judge, kind of table) is part of the metric's name, as `consistency.self`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from selfscore.pipelines.baseline import NAMESPACE as BASELINE
from selfscore.pipelines.iteration.rounds import namespace

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
    tables = []
    for number in range(rounds + 1):
        place = namespace(number) if number else BASELINE
        own = [flatten(load(f"{place}.{kind}"), split) for kind, flatten in _FLATTEN.items()]
        if number:
            own.append(_preferences(load(f"{place}.preference_report")))
        tables += [table.assign(round=number) for table in own]
    if rounds:
        tables.append(_gains(load("iteration_table"), split))
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def _metrics(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return table[(table["split"] == split) & (table["group"] == "all")]


def _consistency(table: pd.DataFrame, split: str) -> pd.DataFrame:
    # The policy that a round starts from is judged by its texts about the training images.
    kept = table[(table["split"] == split) | (table["policy"] == "incoming")]
    return kept.assign(metric=kept["metric"] + "." + kept["judge"])


def _agreement(table: pd.DataFrame, split: str) -> pd.DataFrame:
    kept = table[table["split"] == split]
    return kept.assign(metric=kept["metric"] + "." + kept["judge"] + "." + kept["other_judge"])


def _health(table: pd.DataFrame, split: str) -> pd.DataFrame:
    kept = table[table["split"] == split]
    return kept.assign(metric="health." + kept["metric"])


def _gains(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return _metrics(table[table["metric"] == "srcc_gain"], split)


def _preferences(report: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"policy": expert, "metric": metric, "value": float(value)}
            for metric in ("pairs", "blind_accuracy")
            for expert, value in report[metric].items()
        ]
    )


_FLATTEN: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    "metrics": _metrics,
    "consistency": _consistency,
    "judge_agreement": _agreement,
    "health": _health,
}
