import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from selfscore.pipelines.evaluation.measurement import (
    measure_controls,
    measure_policies,
    measure_reliability,
)

Judged = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


@pytest.fixture
def judgements(answers: Any, judged: Judged) -> pd.DataFrame:
    """One policy that is always right, and one that takes the lowest level for the middle one."""
    rows = pd.concat([answers.scored(120), answers.scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    some = [level if row % 3 else 1 for row, level in enumerate(right)]
    table, _ = judged(
        answers.table(rows, answers.sure(right), "scoring"),
        answers.table(rows, answers.sure(some), "merged"),
    )
    return table


def test_metrics_per_policy_and_split(
    answers: Any, judged: Judged, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = pd.concat([answers.scored(30), answers.scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    half = [level if row % 2 else None for row, level in enumerate(right)]
    table, _ = judged(answers.table(rows, right, "scoring"), answers.table(rows, half, "merged"))
    with caplog.at_level(logging.INFO):
        metrics = measure_policies(table, answers.scale, parameters, seed=0)
    assert list(metrics) == ["policy", "split", "group", "metric", "value", "low", "high", "n"]
    assert set(metrics["group"]) == {"all"}
    value = metrics.set_index(["policy", "split", "metric"])["value"]
    assert value["scoring", "test", "srcc_emitted"] == pytest.approx(1.0)
    assert value["scoring", "test", "consistency"] == pytest.approx(1.0)
    assert value["merged", "validation", "format_valid"] == 0.5
    assert np.isnan(value["merged", "test", "srcc"])  # every distribution is the same here
    assert "'scoring' on test: srcc nan, consistency 1.000" in caplog.text


def test_the_distribution_is_held_against_the_truth(
    judgements: pd.DataFrame, answers: Any, parameters: dict[str, Any]
) -> None:
    metrics = measure_policies(judgements, answers.scale, parameters, seed=0)
    value = metrics.set_index(["policy", "split", "metric"])["value"]
    # 80 % sure and always right.
    assert value["scoring", "test", "ece"] == pytest.approx(0.2)
    assert value["merged", "test", "rps"] > value["scoring", "test", "rps"] > 0
    curves = measure_reliability(judgements, parameters, seed=0)
    assert list(curves) == [
        "policy", "split", "statement", "bin", "confidence", "frequency", "low", "high", "n",
    ]  # fmt: skip
    assert len(curves.groupby(["policy", "split"])) == 4
    top = curves[(curves["statement"] == "top_level") & (curves["split"] == "test")]
    sure = top.set_index("policy")
    assert sure["confidence"].tolist() == pytest.approx([0.8, 0.8])
    assert sure["frequency"].to_dict() == pytest.approx({"scoring": 1.0, "merged": 2 / 3})


def test_groups_are_measured_on_their_own(
    judgements: pd.DataFrame, answers: Any, parameters: dict[str, Any]
) -> None:
    table = judgements.assign(group=["indoors" if row % 2 else "outdoors" for row in range(264)])
    asked = {**parameters, "group_column": "group", "min_group": 25}
    metrics = measure_policies(table, answers.scale, asked, seed=0)
    assert set(metrics["group"]) == {"all", "indoors", "outdoors"}
    counts = metrics[metrics["metric"] == "srcc"].set_index(["policy", "split", "group"])
    assert counts["n"]["merged", "test", "indoors"] == 60
    assert counts["low"].notna()["merged", "test", "indoors"]
    assert counts["low"].isna()["merged", "validation", "indoors"]


def test_metrics_are_the_same_for_the_same_seed(
    judgements: pd.DataFrame, answers: Any, parameters: dict[str, Any]
) -> None:
    first, again, other = (
        measure_policies(judgements, answers.scale, parameters, seed) for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first["low"].equals(other["low"])


def test_controls_of_each_policy_and_of_the_scale(
    judgements: pd.DataFrame, answers: Any, parameters: dict[str, Any]
) -> None:
    images = answers.scored(30, "train")
    controls = measure_controls(judgements, images, answers.scale, parameters, seed=0)
    assert list(controls) == [
        "policy", "split", "control", "metric", "value", "low", "high", "n",
    ]  # fmt: skip
    assert len(controls) == len(controls.drop_duplicates(["policy", "split", "control", "metric"]))
    of = controls.set_index(["control", "policy", "split", "metric"])["value"]
    metrics = measure_policies(judgements, answers.scale, parameters, seed=0)
    real = metrics.set_index(["policy", "split", "metric"])["value"]
    for policy in ("scoring", "merged"):
        assert abs(of["shuffled_images", policy, "test", "srcc"]) < 0.3
        assert real[policy, "test", "srcc"] > 0.5
        assert of["shuffled_images", policy, "test", "rps"] > real[policy, "test", "rps"]
    # The levels of the training images are evenly spread: each is right in a third of the cases.
    assert of["prior", "any", "test", "exact"] == pytest.approx(1 / 3)
    assert of["prior", "any", "test", "srcc"] == 0.0
    # Here, every level has one score, so nothing is lost by it.
    assert of["ceiling", "any", "validation", "srcc"] == pytest.approx(1.0)
    assert set(controls.loc[controls["policy"] == "any", "control"]) == {"prior", "ceiling"}
    counts = controls.set_index(["control", "split", "metric"])["n"]
    assert (counts.sort_index().loc["ceiling", "test"] == 120).all()


def test_a_single_image_cannot_be_shuffled(
    answers: Any, judged: Judged, parameters: dict[str, Any]
) -> None:
    table, _ = judged(answers.table(answers.scored(1), [0]))
    images = answers.scored(3, "train")
    controls = measure_controls(table, images, answers.scale, parameters, seed=0)
    assert set(controls["control"]) == {"prior", "ceiling"}
