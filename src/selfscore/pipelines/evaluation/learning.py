"""Node of evaluation: how the round's policies were made, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from selfscore.metrics.figures import MERGING, POOLED, PREFERENCES, TRAINING

_MERGED = "merged"


def measure_learning(
    preference_report: Mapping[str, Any],
    merge_report: Mapping[str, Any],
    **training_logs: pd.DataFrame,
) -> pd.DataFrame:
    """What the reports and logs of a round's learning come to.

    Args:
        preference_report: see `report_preferences`.
        merge_report: see `update_policy`.
        training_logs: expert → its log, one row every few steps.

    Returns:
        policy, split, group, of, metric, value and n. Of each expert, under `preferences` the
        number of `pairs` and their `blind_accuracy`, and under `training` the `loss` and the
        preference `accuracy` of the last step that was logged. Of the merged policy, under
        `merging`, `energy_kept`: the mean, and of each weight matrix as a group of its own. n
        counts pairs, steps and weight matrices.
    """
    rows = [
        *_preferences(preference_report),
        *_training(training_logs),
        *_merging(merge_report),
    ]
    columns = ["policy", "of", "metric", "group", "value", "n"]
    return pd.DataFrame(rows, columns=columns).assign(split="train")


def _preferences(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for metric in ("pairs", "blind_accuracy"):
        for expert, value in report[metric].items():
            n = report["pairs"][expert]
            yield expert, PREFERENCES, metric, POOLED, float(value), n


def _training(logs: Mapping[str, pd.DataFrame]) -> Iterator[tuple[Any, ...]]:
    columns = {"loss": "loss", "accuracy": "rewards/accuracies"}
    for expert, log in logs.items():
        last = log.iloc[-1]
        for metric, column in columns.items():
            yield expert, TRAINING, metric, POOLED, float(last[column]), int(last["step"])


def _merging(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    layers = report["energy_kept_per_layer"]
    for module, value in {POOLED: report["energy_kept"], **layers}.items():
        n = len(layers) if module == POOLED else 1
        yield _MERGED, MERGING, "energy_kept", module, float(value), n
