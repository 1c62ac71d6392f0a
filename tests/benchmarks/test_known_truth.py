"""The table that holds the counterfactual figure against the known truth."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.known_truth import as_markdown, compare
from selfscore.metrics.faithfulness import StatementLexicon
from selfscore.metrics.figures import OTHER_PICTURE, as_figures

LEXICON = StatementLexicon(
    [
        {"phrase": "blurred", "attribute": "blur", "low": 0.5, "high": 1},
        {"phrase": "sharp", "attribute": "blur", "low": 0, "high": 0.5},
    ]
)


def figures(policy: str, faithful: float, named: float) -> pd.DataFrame:
    values = {
        ("", "faithfulness"): faithful,
        ("", "counterfactual"): named,
        ("", "counterfactual_hits"): 0.5,
        ("", "counterfactual_false_alarms"): 0.25,
        (OTHER_PICTURE, "counterfactual"): 0.0,
    }
    rows = [{"of": of, "metric": name, "value": value} for (of, name), value in values.items()]
    table = pd.DataFrame(rows).assign(n=4, low=0.1, high=0.9)
    return as_figures(table, round=1, policy=policy, split="validation")


def test_exchanged_texts_are_held_against_the_pictures_they_are_not_about() -> None:
    said = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "split": "validation",
            "round": 1,
            "valid": True,
            "emitted_level": 3,
            "explanation": ["It is blurred.", "It is sharp.", "I like it."],
        }
    )
    judgements = pd.concat([said.assign(policy="level"), said.assign(policy="merged")])
    attributes = pd.DataFrame({"image_id": ["a", "b", "c"], "blur": [0.9, 0.1, 0.1]})
    both = pd.concat([figures("level", 0.8, 0.2), figures("merged", 0.9, 0.3)])
    table = compare(both, judgements, attributes, LEXICON)
    # b's text about a, a's about b, and both about c.
    assert table["exchanged"].tolist() == pytest.approx([0.25, 0.25])
    page = as_markdown(table)
    assert "| 1 | merged | .900 | .250 | .300 [.100, .900] | .000 | .500 | .250 |" in page
    assert "over 2 policies: 1.00" in page
