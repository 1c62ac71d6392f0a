"""The outcome in plain words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from stage_settings import evaluation, reporting

from selfscore.report.changes import COLUMNS
from selfscore.report.summary import change_text, summarize

CHAMPION: dict[str, Any] = {
    "policy": "policy_1",
    "round": 1,
    "metric": "srcc",
    "chosen_on": "validation",
    "images": 40,
    "tied_with": [],
    "candidates": {
        "policy_0": {"figures": {"srcc": 0.2}, "excluded": ""},
        "policy_1": {"figures": {"srcc": 0.6}, "excluded": ""},
    },
}


def figure(of: str, metric: str, value: float, **other: Any) -> dict[str, Any]:
    facts = {"round": 1, "policy": "merged", "split": "test", "group": "all", "of": of}
    interval = {"low": value - 0.1, "high": value + 0.1, "n": 50}
    return facts | {"metric": metric, "value": value} | interval | other


def health(entropy: float) -> list[dict[str, Any]]:
    healthy = {"format_valid": 1.0, "top_level": 5.0, "top_level_share": 0.2, "distinct_1": 0.5}
    healthy |= {"distinct_2": 0.5, "repeated_trigrams": 0.0, "generic": 0.0, "mean_words": 9.0}
    values = healthy | {"level_entropy": entropy}
    return [figure("health", metric, value) for metric, value in values.items()]


def change(
    metric: str,
    verdict: str,
    against: str = "base",
    size: float = 0.1,
    drawn: int = 50,
    beyond: bool | None = True,
) -> list[Any]:
    ends = [size - 0.01, size + 0.01]
    return [against, metric, 0.5, 0.5 + size, size, *ends, 50, drawn, 0.0, beyond, verdict]


def controls() -> list[dict[str, Any]]:
    """What is there in every run whose truth is known and whose features are stored."""
    return [
        figure("prior", "mae", 0.98, policy="any", round=0),
        figure("ridge", "mae", 0.71, policy="any", round=0),
        figure("ridge", "srcc", 0.87, policy="any", round=0),
        figure("", "faithfulness", 0.8),
    ]


def summary(*rows: list[Any], **other: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "champion": CHAMPION,
        "changes": pd.DataFrame(list(rows), columns=COLUMNS),
        "figures": pd.DataFrame([*health(0.9), *controls()]),
        "consistency_judge": {"held_out": {"discrimination": 0.77}},
        "thresholds": evaluation().health.thresholds,
        "settings": reporting(),
    }
    return summarize(**given | other)


def test_what_got_worse_is_said() -> None:
    found = summary(
        change("srcc", "better"),
        change("faithfulness", "worse", size=-0.1, beyond=None),
        change("consistency", "unclear", beyond=None),
    )
    assert found["worse"] == [
        "Less of what is written is true of the picture: share of statements 50.0\u00a0% → "
        "40.0\u00a0%, −10.0 points [−11.0 to −9.0]. No true score enters here, so "
        "shuffled labels may move it as well."
    ]
    assert found["better"][0].startswith("The scores follow the raters more closely: ")
    assert found["unclear"][0].startswith("How well the explanations fit their scores: ")


def test_the_headline_says_what_happened() -> None:
    assert (
        "raises the agreement with the raters from 0.50 to 0.60"
        in (summary(change("srcc", "better"))["headline"])
    )
    assert "lowers the agreement" in summary(change("srcc", "worse", size=-0.1))["headline"]
    assert "does not clearly change" in summary(change("srcc", "unclear"))["headline"]
    base = CHAMPION | {"policy": "policy_0", "round": 0}
    assert "base model stays the champion" in summary(champion=base)["headline"]


def test_what_merging_cost_stands_apart() -> None:
    found = summary(
        change("srcc", "better"),
        change("srcc", "worse", against="scoring", size=-0.05),
        change("srcc", "better", against="consistency"),
    )
    assert found["costs"] == [
        "Against round 1’s scoring expert alone: rank correlation (SRCC) 0.500 → 0.450, "
        "−0.050 [−0.060 to −0.040]."
    ]
    assert found["worse"] == []


def test_breaches_exclusions_and_controls_are_noted() -> None:
    candidates = CHAMPION["candidates"] | {
        "policy_2": {"figures": {}, "excluded": "its faithfulness is 0.200 below"}
    }
    found = summary(
        champion=CHAMPION | {"candidates": candidates},
        figures=pd.DataFrame([*health(0.2), figure("shuffled_images", "srcc", 0.3)]),
    )
    text = "\n".join(found["notes"])
    assert "policy_2 could not be chosen: its faithfulness is 0.200 below." in text
    assert "Health: score collapse: the entropy of the predicted levels is 0.20" in text
    assert "that is not 0" in text


@pytest.mark.parametrize(("number", "told"), [(1, "77.0\u00a0%"), (2, "91.0\u00a0%")])
def test_the_judge_is_not_praised_for_texts_it_was_fitted_on(number: int, told: str) -> None:
    told_apart = figure("tfidf", "discrimination", 0.91, policy="incoming", split="train")
    figures = pd.DataFrame([told_apart, *controls()]).assign(round=number)
    notes = summary(champion=CHAMPION | {"round": number}, figures=figures)["notes"]
    assert told in notes[-1]


def test_a_change_is_written_with_its_sign() -> None:
    row = {"metric": "srcc", "change": -0.05, "low": -0.1, "high": 0.0, "drawn": 10, "n": 40}
    assert change_text(row) == "−0.050 [−0.100 to +0.000]"
    # Of few groups or images it says so.
    assert change_text(row | {"drawn": 3}) == "−0.050 [−0.100 to +0.000, unsure: 3 groups only]"
    assert change_text(row | {"drawn": 5, "n": 5}).endswith("unsure: 5 images only]")
    row = {"metric": "format_valid", "change": 0.02, "low": float("nan"), "high": float("nan")}
    assert change_text(row) == "+2.0 points"


def test_every_figure_stands_beside_its_controls() -> None:
    found = summary(
        change("srcc", "better"),
        change("mae", "as_constant", size=-0.1, beyond=False),
        change("consistency", "without_labels", beyond=None),
    )
    assert found["better"][0].endswith(
        "One answer for all images: none; ridge on the same image features: 0.870; shuffled "
        "labels: no gain."
    )
    assert found["as_constant"][0].endswith(
        "One answer for all images: 0.980; ridge on the same image features: 0.710; shuffled "
        "labels: at best as one answer for all."
    )
    assert found["without_labels"][0].endswith("shuffled labels may move it as well.")
    assert all(tile["beside"] for tile in found["tiles"])
    assert found["notes"][0].startswith("No skill is shown by MAE: ")


def test_a_skill_that_is_none_is_said_first() -> None:
    found = summary(
        change("srcc", "as_constant", beyond=False), change("mae", "unclear", beyond=False)
    )
    assert "not clearly more than the none of one answer for all" in found["headline"]
    assert found["better"] == []
    assert found["notes"][0].startswith("No skill is shown by SRCC, MAE: ")


def test_a_champion_among_ties_is_said_to_be_one() -> None:
    tied = CHAMPION | {"images": 5, "tied_with": ["policy_0", "policy_2"]}
    choice = summary(champion=tied)["choice"]
    assert "on the 5 validation images alone" in choice
    assert "a tie: as far as these images can tell, policy_0 and policy_2 may be as good" in choice
    assert "tie" not in summary()["choice"]


def notes(*figures: dict[str, Any], **other: Any) -> str:
    rows = [*health(0.9), *controls(), *figures]
    return "\n".join(summary(**{"figures": pd.DataFrame(rows), **other})["notes"])


def test_what_is_well_is_not_warned_of() -> None:
    assert notes() == ""


def test_the_truth_of_explanations_is_known_or_said_not_to_be() -> None:
    rows = [row for row in controls() if row["metric"] != "faithfulness"]
    figures = pd.DataFrame([*health(0.9), *rows])
    assert "true of the pictures was not checked" in notes(figures=figures)
    assert "`image_features.max_gb`" in notes(figures=figures[figures["of"] != "ridge"])


def test_too_little_training_is_said() -> None:
    steps = [figure("training", "loss", 0.6, policy=name, split="train", n=3) for name in "ab"]
    assert "No expert was trained for more than 3 steps in round 1, too few" in notes(*steps)


@pytest.mark.parametrize(("drawn", "said"), [(50, "rest on 50 test"), (3, "3 groups of test")])
def test_what_intervals_rest_on_is_said(drawn: int, said: str) -> None:
    found = summary(change("srcc", "better", drawn=drawn))
    assert said in found["intervals"]
    assert ("unsure" in found["intervals"]) == (drawn < 10)


def test_training_is_not_blamed_for_what_the_base_model_did_too() -> None:
    base = [row | {"round": 0, "policy": "base"} for row in health(0.2)]
    both = pd.DataFrame([*health(0.2), *base, *controls()])
    text = "\n".join(summary(figures=both)["notes"])
    assert "as it is with the untrained base model: training did not cause it" in text
    assert "dpo_training" not in text
