"""The outcome in plain words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from selfscore.report.changes import COLUMNS
from selfscore.report.summary import change_text, summarize

HEALTH = pd.DataFrame(
    [{"round": 1, "policy": "merged", "split": "test", "metric": "generic", "breach": ""}]
)
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
NOTHING = pd.DataFrame(
    columns=["round", "policy", "split", "control", "metric", "judge", "value", "low", "high"]
)


def change(metric: str, verdict: str, against: str = "base", size: float = 0.1) -> list[Any]:
    return [against, metric, 0.5, 0.5 + size, size, size - 0.01, size + 0.01, 50, verdict]


def summary(*rows: list[Any], **other: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "champion": CHAMPION,
        "changes": pd.DataFrame(list(rows), columns=COLUMNS),
        "health": HEALTH,
        "controls": NOTHING,
        "consistency": NOTHING,
        "consistency_judge": {"held_out": {"discrimination": 0.77}},
        "parameters": {"split": "test"},
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
    control = {
        "round": 1,
        "policy": "merged",
        "split": "test",
        "control": "shuffled_images",
        "metric": "srcc",
        "value": 0.3,
        "low": 0.2,
        "high": 0.4,
    }
    found = summary(
        champion=CHAMPION | {"candidates": candidates},
        health=HEALTH.assign(breach="score collapse: all is level 5."),
        controls=pd.DataFrame([control]),
    )
    text = "\n".join(found["notes"])
    assert "policy_2 could not be chosen: its faithfulness is 0.200 below." in text
    assert "Health: score collapse: all is level 5." in text
    assert "that is not 0" in text


@pytest.mark.parametrize(("number", "told"), [(1, "77.0\u00a0%"), (2, "91.0\u00a0%")])
def test_the_judge_is_not_praised_for_texts_it_was_fitted_on(number: int, told: str) -> None:
    row = {
        "round": number,
        "policy": "incoming",
        "split": "train",
        "metric": "discrimination",
        "judge": "tfidf",
        "value": 0.91,
    }
    champion = CHAMPION | {"round": number}
    notes = summary(champion=champion, consistency=pd.DataFrame([row]))["notes"]
    assert told in notes[-1]


def test_a_change_is_written_with_its_sign() -> None:
    row = {"metric": "srcc", "change": -0.05, "low": -0.1, "high": 0.0}
    assert change_text(row) == "−0.050 [−0.100 to +0.000]"
    row = {"metric": "format_valid", "change": 0.02, "low": float("nan"), "high": float("nan")}
    assert change_text(row) == "+2.0 points"
