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


def change(metric: str, verdict: str, against: str = "base", size: float = 0.1) -> list[Any]:
    return [against, metric, 0.5, 0.5 + size, size, size - 0.01, size + 0.01, 50, verdict]


def summary(*rows: list[Any], **other: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "champion": CHAMPION,
        "changes": pd.DataFrame(list(rows), columns=COLUMNS),
        "figures": pd.DataFrame(health(0.9)),
        "consistency_judge": {"held_out": {"discrimination": 0.77}},
        "thresholds": evaluation().health.thresholds,
        "settings": reporting(),
    }
    return summarize(**given | other)


def test_what_got_worse_is_said() -> None:
    found = summary(
        change("srcc", "better"),
        change("faithfulness", "worse", size=-0.1),
        change("consistency", "unclear"),
    )
    assert found["worse"] == [
        "Less of what is written is true of the picture: share of statements 50.0\u00a0% → "
        "40.0\u00a0%, −10.0 points [−11.0 to −9.0]."
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
    figures = pd.DataFrame([told_apart]).assign(round=number)
    notes = summary(champion=CHAMPION | {"round": number}, figures=figures)["notes"]
    assert told in notes[-1]


def test_a_change_is_written_with_its_sign() -> None:
    row = {"metric": "srcc", "change": -0.05, "low": -0.1, "high": 0.0}
    assert change_text(row) == "−0.050 [−0.100 to +0.000]"
    row = {"metric": "format_valid", "change": 0.02, "low": float("nan"), "high": float("nan")}
    assert change_text(row) == "+2.0 points"
