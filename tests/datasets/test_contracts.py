from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from pandera.errors import SchemaError, SchemaErrors
from pandera.pandas import DataFrameModel

from selfscore.datasets.contracts import (
    DataCheck,
    Figures,
    Pairs,
    Predictions,
    Readings,
    ScoredImages,
)


def scored(**changes: Any) -> pd.DataFrame:
    row = {
        "image_id": "scene/a",
        "path": "scene/a.jpg",
        "sha256": "0" * 64,
        "split": "train",
        "group": "",
        "score": 4.5,
        "level": 3,
    }
    return pd.DataFrame([row | changes])


def pairs(**changes: Any) -> pd.DataFrame:
    row = {
        "image_id": "a",
        "path": "a.jpg",
        "split": "train",
        "chosen": "#Score: 3\n#Explanation: Sharp.",
        "rejected": "#Score: 7\n#Explanation: Blurred.",
        "chosen_level": 3,
        "rejected_level": 7,
        "rejected_text_level": 7,
    }
    return pd.DataFrame([row | changes])


def predictions(**changes: Any) -> pd.DataFrame:
    row = {
        "round": 1,
        "policy": "merged",
        "image_id": "a",
        "split": "test",
        "group": "",
        "score": 4.5,
        "level": 3,
        "response": "#Score: 3\n#Explanation: Sharp.",
        "valid": True,
        "emitted_level": 3,
        "emitted_score": 4.4,
        "expected_level": 3.2,
        "expected_score": 4.6,
        "probabilities": [0.25, 0.75],
        "explanation": "Sharp.",
    }
    return pd.DataFrame([row | changes]).astype(
        {"emitted_level": "Int64", "emitted_score": "Float64"}
    )


def figures(**changes: Any) -> pd.DataFrame:
    row = {
        "round": 1,
        "policy": "merged",
        "split": "test",
        "group": "all",
        "of": "tfidf",
        "metric": "consistency",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "n": 9,
    }
    return pd.DataFrame([row | changes])


def readings(**changes: Any) -> pd.DataFrame:
    row = {
        "judge": "tfidf",
        "policy": "incoming",
        "side": "chosen",
        "image_id": "a",
        "split": "train",
        "level": 3,
        "inferred_level": 2.5,
    }
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("contract", "table"),
    [
        (Figures, figures()),
        (Figures, figures(low=float("nan"), high=float("nan"))),
        (Readings, readings(inferred_level=float("nan"))),
        (ScoredImages, scored()),
        (Pairs, pairs()),
        (Pairs, pairs(rejected_level=3, rejected_text_level=7)),
        (Predictions, predictions()),
        (Predictions, predictions(valid=False, emitted_level=pd.NA, emitted_score=pd.NA)),
    ],
)
def test_good_tables_pass(contract: type[DataFrameModel], table: pd.DataFrame) -> None:
    contract.validate(table)


@pytest.mark.parametrize(
    ("contract", "table", "reason"),
    [
        (ScoredImages, scored(split="Dev 2"), "str_matches"),
        (ScoredImages, scored(sha256="xyz"), "str_matches"),
        (ScoredImages, scored(score=float("nan")), "non-nullable"),
        (ScoredImages, scored(level=-1), "greater_than_or_equal_to"),
        (ScoredImages, scored(path="other.jpg"), "not `path` without"),
        (ScoredImages, scored(split="test"), "no training images"),
        (ScoredImages, pd.concat([scored(), scored()]), "duplicate"),
        (DataCheck, pd.DataFrame({"what": ["x"], "value": [""], "note": [""]}), "str_length"),
        (Pairs, pairs(rejected="#Score: 3\n#Explanation: Sharp."), "the same text"),
        (Pairs, pairs(split="test"), "equal_to"),
        (Pairs, pairs(path="b.jpg"), "another image"),
        (Pairs, pairs()[:0], "no pairs"),
        (Figures, figures(low=0.7), "`low` is above `high`"),
        (Figures, pd.concat([figures(), figures(value=0.6)], ignore_index=True), "not unique"),
        (Figures, figures(breach=""), "COLUMN_NOT_IN_SCHEMA"),
        (Readings, readings(side="left"), "isin"),
        (Predictions, predictions(emitted_level=pd.NA), "do not agree with `valid`"),
        (Predictions, predictions(valid=False), "do not agree with `valid`"),
        (Predictions, predictions(probabilities=[0.1, 0.1]), "add up to 1"),
    ],
)
def test_bad_tables_are_told_apart(
    contract: type[DataFrameModel], table: pd.DataFrame, reason: str
) -> None:
    with pytest.raises((SchemaError, SchemaErrors), match=reason):
        contract.validate(table)
