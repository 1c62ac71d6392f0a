import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import policy_over
from stage_settings import evaluation, reporting

from selfscore.datasets.contracts import Figures
from selfscore.metrics.figures import COLUMNS, CONTROLS, RIDGE, of_judges
from selfscore.metrics.health import health_metrics
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.pipelines.reporting.over_rounds import measure_reliability

Judged = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]
Measured = Callable[..., pd.DataFrame]


@pytest.fixture
def predicted(answers: Any) -> list[pd.DataFrame]:
    """One policy that is always right, and one that takes the middle level for two thirds."""
    rows = pd.concat([answers.scored(120), answers.scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    some = [level if row % 3 else 1 for row, level in enumerate(right)]
    return [
        answers.table(rows, answers.sure(right), "scoring"),
        answers.table(rows, answers.sure(some), "merged"),
    ]


@pytest.fixture
def half_valid(answers: Any) -> list[pd.DataFrame]:
    """One policy that is always right, and one of which every other answer is invalid."""
    rows = pd.concat([answers.scored(60), answers.scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    half = [level if row % 2 else None for row, level in enumerate(right)]
    return [answers.table(rows, right, "scoring"), answers.table(rows, half, "merged")]


def by(figures: pd.DataFrame, *names: str) -> pd.DataFrame:
    return figures.set_index(list(names)).sort_index()


def test_all_figures_stand_in_one_table(predicted: list[pd.DataFrame], measured: Measured) -> None:
    figures = measured(*predicted)
    assert list(figures) == COLUMNS
    Figures.validate(figures)
    assert set(figures["round"]) == {1} and set(figures["group"]) == {"all"}
    assert set(figures["of"]) == {"", "tfidf", "health", *CONTROLS} - {RIDGE}


def test_metrics_per_policy_and_split(
    half_valid: list[pd.DataFrame], measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        figures = measured(*half_valid)
    value = by(figures, "of", "policy", "split", "metric")["value"]
    assert value["", "scoring", "test", "srcc_emitted"] == pytest.approx(1.0)
    assert value["", "scoring", "test", "consistency"] == pytest.approx(1.0)
    assert value["", "merged", "validation", "format_valid"] == 0.5
    assert np.isnan(value["", "merged", "test", "srcc"])  # every distribution is the same here
    # The experts are in the table at the end of a run.
    assert "'merged' on test: srcc nan, consistency 1.000" in caplog.text
    assert "'scoring'" not in caplog.text


def test_the_distribution_is_held_against_the_truth(
    predicted: list[pd.DataFrame], measured: Measured
) -> None:
    value = by(measured(*predicted), "of", "policy", "split", "metric")["value"]
    # 80 % sure and always right.
    assert value["", "scoring", "test", "ece"] == pytest.approx(0.2)
    assert value["", "merged", "test", "rps"] > value["", "scoring", "test", "rps"] > 0


def test_reliability_says_how_often_a_claim_comes_true(
    predicted: list[pd.DataFrame], judged: Judged
) -> None:
    curves = measure_reliability(judged(*predicted)[0], 10, reporting(), seed=0)
    assert list(curves) == [
        "round", "policy", "split", "statement", "bin", "confidence", "frequency", "low", "high",
        "n",
    ]  # fmt: skip
    assert len(curves.groupby(["policy", "split"])) == 4
    top = curves[(curves["statement"] == "top_level") & (curves["split"] == "test")]
    sure = top.set_index("policy")
    assert sure["confidence"].tolist() == pytest.approx([0.8, 0.8])
    assert sure["frequency"].to_dict() == pytest.approx({"scoring": 1.0, "merged": 2 / 3})


def test_groups_are_measured_on_their_own(
    predicted: list[pd.DataFrame], measured: Measured, settings: EvaluationSettings
) -> None:
    places = ["indoors" if row % 2 else "outdoors" for row in range(132)]
    tables = [table.assign(group=places) for table in predicted]
    figures = measured(*tables, settings=replace(settings, group_column="group", min_group=25))
    assert set(figures["group"]) == {"all", "indoors", "outdoors"}
    counts = by(figures[figures["metric"] == "srcc"], "of", "policy", "split", "group")
    assert counts["n"]["", "merged", "test", "indoors"] == 60
    assert counts["low"].notna()["", "merged", "test", "indoors"]
    assert counts["low"].isna()["", "merged", "validation", "indoors"]


def test_figures_are_the_same_for_the_same_seed(
    predicted: list[pd.DataFrame], measured: Measured
) -> None:
    first, again, other = (measured(*predicted, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first["low"].equals(other["low"])


def test_controls_of_each_policy_and_of_the_scale(
    predicted: list[pd.DataFrame], measured: Measured
) -> None:
    figures = measured(*predicted)
    of = by(figures, "of", "policy", "split", "metric")["value"]
    for policy in ("scoring", "merged"):
        assert abs(of["shuffled_images", policy, "test", "srcc"]) < 0.3
        assert of["", policy, "test", "srcc"] > 0.5
        assert of["shuffled_images", policy, "test", "rps"] > of["", policy, "test", "rps"]
    # The levels of the training images are evenly spread: each is right in a third of the cases.
    assert of["prior", "any", "test", "exact"] == pytest.approx(1 / 3)
    assert of["prior", "any", "test", "srcc"] == 0.0
    # Here, every level has one score, so nothing is lost by it.
    assert of["ceiling", "any", "validation", "srcc"] == pytest.approx(1.0)
    assert set(figures.loc[figures["policy"] == "any", "of"]) == {"prior", "ceiling"}
    assert (by(figures, "of", "split")["n"].loc["ceiling", "test"] == 120).all()


def test_a_single_image_cannot_be_shuffled(answers: Any, measured: Measured) -> None:
    figures = measured(answers.table(answers.scored(1), [0]))
    assert set(figures["of"]) & set(CONTROLS) == {"prior", "ceiling"}


def test_health_is_that_of_all_texts(half_valid: list[pd.DataFrame], measured: Measured) -> None:
    figures = measured(*half_valid)
    own = by(figures[figures["of"] == "health"], "policy", "split", "metric")
    merged = half_valid[1]
    expected = health_metrics(merged[merged["split"] == "test"], 3)
    assert own["value"]["merged", "test"].to_dict() == pytest.approx(expected, nan_ok=True)
    assert own["n"]["merged", "test", "format_valid"] == 60
    assert own["n"]["merged", "test", "mean_words"] == 30


def test_consistency_of_each_judge_policy_and_split(
    half_valid: list[pd.DataFrame], measured: Measured
) -> None:
    figures = measured(*half_valid)
    found = by(of_judges(figures), "policy", "split", "metric")
    assert set(of_judges(figures)["of"]) == {"tfidf"}
    assert found["value"]["scoring", "test", "consistency"] == pytest.approx(1.0)
    assert abs(found["value"]["scoring", "test", "consistency_wrong_image"]) < 0.3
    assert found["n"]["merged", "validation", "consistency"] == 6
    assert found["value"]["merged", "validation", "judged"] == 1.0
    assert found["value"]["incoming", "train", "discrimination"] == 1.0
    assert found["n"]["incoming", "train", "discrimination"] == 3
    # The first judge's figures are the policies' own.
    own = figures[figures["of"] == ""]
    both = own.merge(of_judges(figures), on=["policy", "split", "metric"], suffixes=("", "_judge"))
    assert len(both) == 4 * 4
    for column in ("value", "low", "high", "n"):
        np.testing.assert_array_equal(both[column], both[f"{column}_judge"])


def test_two_judges_have_figures_each_and_agree_more_or_less(
    answers: Any, measured: Measured, tmp_path: Any
) -> None:
    folder = str(tiny_vlm.save_idefics3(tmp_path / "model"))
    figures = measured(
        answers.table(answers.scored(9), [0, 1, 2] * 3),
        base_policy=policy_over(folder),
        settings=evaluation(judging={"judges": ["self", "tfidf"]}),
    )
    assert of_judges(figures)["of"].unique().tolist() == ["self", "tfidf"]
    agreed = figures[figures["of"] == "self/tfidf"]
    assert agreed["metric"].tolist() == ["kappa", "srcc"] and (agreed["n"] == 9).all()


def test_texts_told_apart_the_wrong_way_round(answers: Any, measured: Measured) -> None:
    figures = measured(
        answers.table(answers.scored(3), [0, 1, 2]),
        generations=answers.forced(4).assign(level=[0, 2] * 4),
        images=answers.scored(4, "train", per_group=2),
    )
    assert figures.set_index("metric")["value"]["discrimination"] == 0.0


def test_a_policy_without_a_valid_answer_has_no_consistency(
    answers: Any, measured: Measured
) -> None:
    figures = measured(
        answers.table(answers.scored(3), [None] * 3), generations=answers.forced(3, accepted=False)
    )
    own = of_judges(figures)
    assert len(own) == 7 and own["value"].isna().all() and (own["n"] == 0).all()
