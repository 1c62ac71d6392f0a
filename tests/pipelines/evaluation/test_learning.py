"""How a round's policies were made, as rows of the figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from selfscore.datasets.contracts import Figures
from selfscore.metrics.figures import as_figures
from selfscore.pipelines.evaluation.learning import measure_learning
from selfscore.report.description import training_steps

PREFERENCES = {
    "explanations": 9,
    "pairs": {"scoring": 4, "consistency": 3},
    "blind_accuracy": {"scoring": 0.75},
}
MERGE = {
    "lambda": 1.5,
    "strengths": [
        {
            "lambda": 0.0,
            "srcc": None,
            "images": 0,
            "format_valid": 1.0,
            "consistency": None,
            "texts": 4,
        },
        {
            "lambda": 1.5,
            "srcc": 0.6,
            "images": 9,
            "format_valid": 0.75,
            "consistency": 0.8,
            "texts": 4,
        },
    ],
    "energy_kept": 0.8,
    "energy_kept_per_layer": {"layers.0.mlp": 0.7, "layers.1.mlp": 0.9},
}
LOG = pd.DataFrame({"step": [5, 10], "loss": [0.7, 0.4], "rewards/accuracies": [0.5, 1.0]})


def test_of_the_level_expert_the_order_of_images_is_the_accuracy() -> None:
    log = pd.DataFrame({"step": [5, 10], "loss": [1.7, 1.4], "pair_accuracy": [0.5, 0.8]})
    table = measure_learning({"pairs": {}, "blind_accuracy": {}}, MERGE, level=log)
    found = table[table["policy"] == "level"].set_index("metric")["value"]
    assert found.to_dict() == {"loss": 1.4, "accuracy": 0.8}


def test_of_cycles_the_one_counts_that_is_kept() -> None:
    log = pd.DataFrame(
        {
            "step": [0, 5, 6, 10, 12, 15, 18],
            "loss": [np.nan, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2],
            "pair_accuracy": [np.nan, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9],
            # The last one gains too little.
            "validation_error": [2.2, np.nan, 2.0, np.nan, 1.5, np.nan, 1.49],
            "kept_step": [0, np.nan, 6, np.nan, 12, np.nan, 12],
        }
    )
    table = measure_learning({"pairs": {}, "blind_accuracy": {}}, MERGE, level=log)
    found = table[table["policy"] == "level"].set_index("metric")
    assert found["value"].to_dict() == {"loss": 1.4, "accuracy": 0.8}
    assert set(found["n"]) == {12}


def test_an_expert_without_a_cycle_has_no_step_and_no_loss() -> None:
    log = pd.DataFrame(
        {
            "step": [0, 5, 6],
            "loss": [np.nan, 1.7, 1.6],
            "pair_accuracy": [np.nan, 0.5, 0.6],
            "validation_error": [1.4, np.nan, 1.5],
            "kept_step": [0, np.nan, 0],
        }
    )
    table = measure_learning({"pairs": {}, "blind_accuracy": {}}, MERGE, level=log)
    figures = as_figures(table, round=1)
    Figures.validate(figures)
    found = figures[figures["policy"] == "level"]
    assert found["value"].isna().all() and set(found["n"]) == {0}
    assert training_steps(figures) == "round 1: level 0"


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
        ("merged", "merging", "lambda", "all"): (1.5, 1),
        ("merged", "strength", "format_valid", "lambda 0"): (1.0, 4),
        ("merged", "strength", "srcc", "lambda 1.5"): (0.6, 9),
        ("merged", "strength", "format_valid", "lambda 1.5"): (0.75, 4),
        ("merged", "strength", "consistency", "lambda 1.5"): (0.8, 4),
        ("merged", "merging", "energy_kept", "all"): (pytest.approx(0.8), 2),
        ("merged", "merging", "energy_kept", "layers.0.mlp"): (0.7, 1),
        ("merged", "merging", "energy_kept", "layers.1.mlp"): (0.9, 1),
    }
