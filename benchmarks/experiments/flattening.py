"""The figures of one run in one flat table.

A figure is named by round, policy, split and metric alone. What tells figures of one metric apart
beside these (judge, kind of table) is part of the metric's name, as `consistency.self`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from selfscore.configuration.layout import BASELINE, STAGES, namespace
from selfscore.metrics.figures import CONTROLS, EDIT_CONTROLS, HEALTH, PREFERENCES, TRAINING, among

COLUMNS = ["round", "policy", "split", "metric", "value", "low", "high", "n"]
# Of figures about what was learnt from, whatever else was evaluated.
TRAIN = "train"
_LEARNING = set(STAGES) - {"evaluation"}


def flat_figures(load: Callable[[str], Any], rounds: int) -> pd.DataFrame:
    """All figures of a run.

    Args:
        load: gives a dataset of the run by its name.
        rounds: number of its rounds; 0: the baseline alone.

    Returns:
        round, policy, split, metric, value, low, high, n. Metrics are named `<metric>`, of judges
        `<metric>.<judge>` and `<metric>.<judge>.<other judge>`, of health `health.<metric>`. Of the
        split `train` there are `blind_accuracy` and `pairs`, which have the expert as their policy,
        what judges read in the texts of the policy `incoming`, `lambda.merging` and
        `energy_kept.merging` of a merge, and `seconds`, see `seconds_taken`.
    """
    figures = load("figures_over_rounds" if rounds else f"{BASELINE}.figures")
    tables = [named_apart(figures)]
    for number in range(1, rounds + 1):
        report = load(f"{namespace(number)}.preference_report")
        tables.append(_preferences(report).assign(round=number))
    tables.append(seconds_taken(load("manifest")["nodes"], rounds))
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def named_apart(figures: pd.DataFrame) -> pd.DataFrame:
    """The figures without controls, with all that tells them apart in their names."""
    # Figures of the steps of learning are taken from their reports, but for those of the merge.
    left_out = [*CONTROLS, *EDIT_CONTROLS, PREFERENCES, TRAINING]
    kept = among(figures[~figures["of"].isin(left_out)], of=None)
    return kept.assign(
        metric=[
            f"{HEALTH}.{metric}"
            if of == HEALTH
            else ".".join(filter(None, [metric, *of.split("/")]))
            for of, metric in zip(kept["of"], kept["metric"], strict=True)
        ]
    )


def seconds_taken(nodes: Sequence[Mapping[str, Any]], rounds: int) -> pd.DataFrame:
    """Processor seconds to make the policy of each round: texts, pairs, training and merging.

    Args:
        nodes: as the run's manifest has them.
        rounds: number of its rounds.

    Returns:
        A row `seconds` a round, of the policy `merged`, with all rounds before it. Evaluation is
        not counted, and of the baseline only the texts that the first round learns from, where it
        writes none of its own.
    """
    numbers = range(1, rounds + 1)
    taken = pd.Series([_seconds_of_round(nodes, number) for number in numbers], dtype=float)
    table = pd.DataFrame({"round": numbers, "value": taken.cumsum()})
    return table.assign(policy="merged", split=TRAIN, metric="seconds", n=1)


def _seconds_of_round(nodes: Sequence[Mapping[str, Any]], number: int) -> float:
    def write(name: str) -> list[Mapping[str, Any]]:
        texts = {f"{name}.forced_levels", f"{name}.generations"}
        return [node for node in nodes if texts & set(node["outputs"])]

    own = [
        node
        for node in nodes
        if node["namespace"] == namespace(number) and set(node["tags"]) & _LEARNING
    ]
    texts = [] if write(namespace(number)) else write(BASELINE)
    return sum(node["processor_seconds"] or 0.0 for node in [*own, *texts])


def _preferences(report: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"policy": expert, "split": TRAIN, "metric": metric, "value": float(value)}
            for metric in ("pairs", "blind_accuracy")
            for expert, value in report[metric].items()
        ]
    )
