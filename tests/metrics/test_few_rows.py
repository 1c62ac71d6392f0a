"""Every metric over tables of no, one and two rows, of ties and of constants: a figure or none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from selfscore.judging.agreement import agreement
from selfscore.judging.discrimination import told_apart
from selfscore.metrics.accuracy import level_entropy
from selfscore.metrics.blind_accuracy import blind_preference_accuracy
from selfscore.metrics.calibration import calibration_metrics, reliability_curves
from selfscore.metrics.controls import ceiling_metrics, prior_metrics
from selfscore.metrics.gains import srcc_gain
from selfscore.metrics.policy_metrics import policy_metrics, policy_metrics_by_group
from selfscore.metrics.resampling import Resampling

LEVELS = 4


def judgements(n: int, values: str) -> pd.DataFrame:
    """A table of `n` rows: all of them different, all the same, or without a usable answer."""
    level = np.zeros(n, dtype=int) if values == "same" else np.arange(n) % LEVELS
    stated = np.full(n, np.nan) if values == "unusable" else level.astype(float)
    return pd.DataFrame(
        {
            "image_id": [str(row) for row in range(n)],
            "group": "",
            "score": level.astype(float),
            "level": level,
            "expected_score": level[::-1].astype(float),
            "expected_level": level[::-1].astype(float),
            "valid": ~np.isnan(stated),
            "emitted_score": stated,
            "emitted_level": stated,
            "inferred_level": stated,
            "faithfulness": stated / LEVELS,
            "probabilities": pd.Series(list(np.eye(LEVELS)[level]), dtype=object),
        }
    )


FIGURES: dict[str, Callable[[pd.DataFrame, Resampling], object]] = {
    "policy": lambda rows, draws: policy_metrics(rows, LEVELS, draws),
    "group": lambda rows, draws: policy_metrics_by_group(rows, LEVELS, "image_id", 2, draws),
    "calibration": lambda rows, draws: calibration_metrics(rows, 5, draws),
    "reliability": lambda rows, draws: reliability_curves(rows, 5, draws),
    "prior": lambda rows, draws: prior_metrics(rows, judgements(1, "same"), LEVELS, draws),
    "ceiling": lambda rows, draws: ceiling_metrics(rows, np.arange(LEVELS), draws),
    "gain": lambda rows, draws: srcc_gain(rows, rows, draws),
    "agreement": lambda rows, draws: agreement(
        {"one": rows["inferred_level"], "other": rows["inferred_level"]}, draws
    ),
    "told_apart": lambda rows, _: told_apart(
        rows["image_id"].tolist(), rows["inferred_level"], rows["level"]
    ),
    "entropy": lambda rows, _: level_entropy(rows["emitted_level"].dropna(), LEVELS),
    "blind": lambda rows, _: blind_preference_accuracy(rows["level"], rows["level"] + 1),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", ["different", "same", "unusable"])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("clustered", [False, True])
def test_few_rows_end_nothing(figure: str, n: int, values: str, clustered: bool) -> None:
    rows = judgements(n, values)
    clusters = pd.Series([row % 2 for row in range(n)], index=rows.index) if clustered else None
    found = FIGURES[figure](rows, Resampling(n=20, confidence=0.9, seed=0, clusters=clusters))
    if isinstance(found, pd.DataFrame) and {"low", "value", "high"} <= set(found.columns):
        known = found.dropna()
        assert (known["low"] <= known["high"]).all()
        assert np.isfinite(known[["low", "value", "high"]].astype(float)).all(axis=None)
