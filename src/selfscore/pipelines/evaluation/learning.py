"""Node of evaluation: how the round's policies were made, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from selfscore.configuration.layout import LEVEL
from selfscore.level_training.settings import KEPT_STEP
from selfscore.metrics.figures import MERGING, POOLED, PREFERENCES, STRENGTH, TRAINING

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
        `accuracy` of the step that the adapter is of: of the preferences, or, of the level expert,
        of the order of two images; NaN of step 0, where it changes nothing. Of the merged policy,
        under `merging`, `lambda` and `energy_kept`: the mean, and of each weight matrix as a group
        of its own; and under `strength` what was measured of the validation images at each strength
        that was tried, as the group `lambda 1.5`. n counts pairs, steps, weight matrices and
        images.
    """
    rows = [
        *_preferences(preference_report),
        *_training(training_logs),
        *_merging(merge_report),
    ]
    columns = ["policy", "of", "metric", "group", "value", "n"]
    made = pd.DataFrame(rows, columns=columns).assign(split="train")
    tried = pd.DataFrame(_strengths(merge_report), columns=columns).assign(split="validation")
    return pd.concat([made, tried], ignore_index=True) if len(tried) else made


def _preferences(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for metric in ("pairs", "blind_accuracy"):
        for expert, value in report[metric].items():
            n = report["pairs"][expert]
            yield expert, PREFERENCES, metric, POOLED, float(value), n


def _training(logs: Mapping[str, pd.DataFrame]) -> Iterator[tuple[Any, ...]]:
    for expert, log in logs.items():
        last = _kept(log)
        accuracy = last["pair_accuracy" if expert == LEVEL else "rewards/accuracies"]
        for metric, value in (("loss", last["loss"]), ("accuracy", accuracy)):
            yield expert, TRAINING, metric, POOLED, float(value), int(last["step"])


def _kept(log: pd.DataFrame) -> pd.Series[Any]:
    """The row of the step that the adapter is of: the last, or that of the cycle that is kept.

    Step 0, before all training, is one of the latter.
    """
    if KEPT_STEP not in log:
        return log.iloc[-1]
    kept = log[KEPT_STEP].dropna().iloc[-1]
    return log[log["step"] == kept].iloc[0]


def _strengths(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    counted = {"srcc": "images", "format_valid": "texts", "consistency": "texts"}
    for row in report["strengths"]:
        for metric, count in counted.items():
            if row[metric] is not None:
                group = f"lambda {row['lambda']:g}"
                yield _MERGED, STRENGTH, metric, group, float(row[metric]), int(row[count])


def _merging(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield _MERGED, MERGING, "lambda", POOLED, float(report["lambda"]), 1
    layers = report["energy_kept_per_layer"]
    for module, value in {POOLED: report["energy_kept"], **layers}.items():
        n = len(layers) if module == POOLED else 1
        yield _MERGED, MERGING, "energy_kept", module, float(value), n
