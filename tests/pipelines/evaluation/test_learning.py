"""How a round's policies were made, as rows of the figures."""

from __future__ import annotations

import pandas as pd
import pytest

from selfscore.datasets.contracts import Figures
from selfscore.metrics.figures import as_figures
from selfscore.pipelines.evaluation.learning import measure_learning

PREFERENCES = {
    "explanations": 9,
    "pairs": {"scoring": 4, "consistency": 3},
    "blind_accuracy": {"scoring": 0.75},
}
MERGE = {"energy_kept": 0.8, "energy_kept_per_layer": {"layers.0.mlp": 0.7, "layers.1.mlp": 0.9}}
LOG = pd.DataFrame({"step": [5, 10], "loss": [0.7, 0.4], "rewards/accuracies": [0.5, 1.0]})


def test_reports_and_the_ends_of_training_become_figures() -> None:
    table = measure_learning(PREFERENCES, MERGE, scoring=LOG, consistency=LOG.iloc[:1])
    figures = as_figures(table, round=1)
    Figures.validate(figures)
    found = figures.set_index(["policy", "of", "metric", "group"])[["value", "n"]]
    assert {key: tuple(row) for key, row in found.iterrows()} == {
        ("scoring", "preferences", "pairs", "all"): (4, 4),
        ("consistency", "preferences", "pairs", "all"): (3, 3),
        ("scoring", "preferences", "blind_accuracy", "all"): (0.75, 4),
        ("scoring", "training", "loss", "all"): (0.4, 10),
        ("scoring", "training", "accuracy", "all"): (1.0, 10),
        ("consistency", "training", "loss", "all"): (0.7, 5),
        ("consistency", "training", "accuracy", "all"): (0.5, 5),
        ("merged", "merging", "energy_kept", "all"): (pytest.approx(0.8), 2),
        ("merged", "merging", "energy_kept", "layers.0.mlp"): (0.7, 1),
        ("merged", "merging", "energy_kept", "layers.1.mlp"): (0.9, 1),
    }
