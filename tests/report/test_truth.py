"""What is said of texts' truth where it was measured, and where it could not be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from selfscore.metrics.figures import COLUMNS, NO_EDIT, OTHER_PICTURE, as_figures
from selfscore.report.truth import truth_notes


def figures(*rows: tuple[int, str, str, float], split: str = "test") -> pd.DataFrame:
    """Rows of round, of, metric and value; intervals of .1 to both sides."""
    tables = []
    for number, of, metric, value in rows:
        row: dict[str, Any] = {"metric": metric, "value": value, "n": 9, "of": of}
        table = pd.DataFrame([row | {"low": value - 0.1, "high": value + 0.1}])
        policy = "merged" if number else "base"
        tables.append(as_figures(table, round=number, policy=policy, split=split))
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS)


def notes(*tables: pd.DataFrame) -> str:
    return " ".join(truth_notes(pd.concat(tables), "test", 1))


EDITS = figures(
    (0, "", "counterfactual", 0.3),
    (1, "", "counterfactual", 0.5),
    (1, "", "counterfactual_hits", 0.6),
    (1, "", "counterfactual_false_alarms", 0.2),
    (1, OTHER_PICTURE, "counterfactual", -0.04),
    (1, NO_EDIT, "counterfactual_mentions", 0.05),
    split="validation",
)


def test_edits_are_told_with_their_controls() -> None:
    said = notes(EDITS)
    assert "was not checked" in said
    assert "is clearly named more often in the text: correlation 0.50 [0.40 to 0.60]" in said
    assert "base model 0.30, with the text of another picture of the same level −0.04" in said
    assert "60.0\u00a0% of those" in said and "20.0\u00a0% of the others" in said
    assert "where nothing was done, 5.0\u00a0%" in said
    assert "was not checked" not in notes(EDITS, figures((1, "", "faithfulness", 0.8)))


def test_without_a_mention_nothing_is_told() -> None:
    unnamed = EDITS.assign(value=EDITS["value"].where(EDITS["metric"] != "counterfactual"))
    assert "that test tells nothing" in notes(unnamed)
    assert "rendered" not in notes(figures())


def test_a_base_model_that_cannot_tell_is_said_to_be_one() -> None:
    said = notes(figures((0, "", "question_skill", 0.51)))
    assert "affirms 51.0\u00a0% of its own texts more of their picture than of another" in said
    assert "it cannot tell, so its answers are not used" in said
    can = figures(
        (0, "", "question_skill", 0.8),
        (0, "", "visual_fidelity", 0.9),
        (1, "", "visual_fidelity", 0.7),
        (1, OTHER_PICTURE, "visual_fidelity", 0.4),
    )
    assert "affirms 70.0\u00a0% of what the texts claim, 90.0\u00a0% of its own, and 40.0" in notes(
        can
    )
