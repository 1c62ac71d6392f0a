import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from selfscore.judging.tfidf import fit_judge
from selfscore.pipelines.evaluation.nodes import (
    judge_explanations,
    measure_policies,
    predict,
    tabulate_predictions,
)
from selfscore.vlm.features import StoredFeatures
from selfscore.vlm.policy import Policy
from selfscore.vlm.prediction import Prediction
from selfscore.vlm.response import write_response

SCALE: dict[str, Any] = {"levels": 3, "values": [1.5, 5.0, 9.0]}
WORDS = ["It is terrible.", "It is fair.", "It is superb."]
PARAMETERS: dict[str, Any] = {
    "splits": ["validation", "test"],
    "faithfulness": True,
    "resampling_unit": "group",
    "n_resamples": 50,
    "confidence": 0.95,
    "min_format_valid": 0.9,
}
LEXICON: list[dict[str, Any]] = [
    {"phrase": "terrible", "attribute": "blur", "low": 0.5, "high": 1.0},
    {"phrase": "superb", "attribute": "blur", "low": 0.0, "high": 0.2},
]


def scored(n: int, split: str = "test") -> pd.DataFrame:
    levels = np.arange(n) % 3
    return pd.DataFrame(
        {
            "image_id": [f"{split} {row}" for row in range(n)],
            "path": [f"{split} {row}.jpg" for row in range(n)],
            "split": split,
            "group": "",
            "score": [SCALE["values"][level] for level in levels],
            "level": levels,
        }
    )


def prediction(level: int | None, probabilities: list[float] | None = None) -> Prediction:
    explanation = "" if level is None else WORDS[level]
    return Prediction(
        response="no idea" if level is None else write_response(level, explanation),
        emitted_level=level,
        explanation=explanation,
        probabilities=np.array(probabilities or [0.2, 0.3, 0.5]),
    )


def tabulated(rows: pd.DataFrame, levels: list[int | None], name: str = "merged") -> pd.DataFrame:
    return tabulate_predictions(rows, [prediction(level) for level in levels], SCALE, name)


@pytest.fixture(scope="module")
def judge() -> dict[str, Any]:
    return fit_judge(WORDS * 20, [0, 1, 2] * 20, n_levels=3)


def severities(rows: pd.DataFrame, blur: float) -> pd.DataFrame:
    return pd.DataFrame({"image_id": rows["image_id"], "blur": blur})


def test_predictions_are_given_in_levels_and_in_the_users_unit() -> None:
    answers = [prediction(2, [0.0, 0.5, 0.5]), prediction(None, [1.0, 0.0, 0.0])]
    table = tabulate_predictions(scored(2), answers, SCALE, "scoring")
    assert table["policy"].tolist() == ["scoring", "scoring"]
    assert table["expected_level"].tolist() == [1.5, 0.0]
    assert table["expected_score"].tolist() == [7.0, 1.5]
    assert table["emitted_level"].dtype == "Int64" and table["emitted_score"].dtype == "Float64"
    assert table["emitted_level"][0] == 2 and table["emitted_score"][0] == 9.0
    assert pd.isna(table["emitted_level"][1]) and pd.isna(table["emitted_score"][1])
    assert table["valid"].tolist() == [True, False]
    assert table["explanation"].tolist() == ["It is superb.", ""]
    assert table["response"][1] == "no idea"


def test_predictions_survive_parquet(tmp_path: Path) -> None:
    table = tabulated(scored(3), [0, 2, None])
    table.to_parquet(tmp_path / "predictions.parquet")
    loaded = pd.read_parquet(tmp_path / "predictions.parquet")
    assert loaded["emitted_level"].isna().tolist() == [False, False, True]
    np.testing.assert_allclose(np.stack(loaded["probabilities"].to_list()).sum(axis=1), 1.0)


def test_a_policy_that_never_keeps_the_format_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        tabulated(scored(3), [None] * 3, "scoring")
    assert "'scoring' never kept the response format in 3 answers" in caplog.text
    assert "rpo_alpha" in caplog.text
    caplog.clear()
    tabulated(scored(3), [None, 1, None])
    assert caplog.text == ""


def test_splits_without_images_are_refused() -> None:
    rows = scored(3, "train")
    with pytest.raises(ValueError, match=r"\['validation', 'test'\].*there are \['train'\]"):
        predict(Policy({}), {}, StoredFeatures({}, {}), rows, SCALE, PARAMETERS, {}, 0, "merged")


def test_the_judge_reads_levels_and_severities_tell_the_truth(
    judge: dict[str, Any],
) -> None:
    rows = scored(4)
    table = judge_explanations(
        judge,
        severities(rows, blur=0.9),
        LEXICON,
        PARAMETERS,
        tabulated(rows, [0, 1, 2, None], "scoring"),
        tabulated(rows, [2, 2, 2, 2], "merged"),
    )
    assert len(table) == 8 and "response" not in table and "probabilities" not in table
    first = table[table["policy"] == "scoring"]
    np.testing.assert_allclose(first["inferred_level"][:3], [0, 1, 2], atol=0.4)
    assert np.isnan(first["inferred_level"][3])
    # True, without a statement, untrue, without an answer.
    np.testing.assert_array_equal(first["faithfulness"], [1.0, np.nan, 0.0, np.nan])


@pytest.mark.parametrize("how", ["parameter", "other images", "no severities", "no lexicon"])
def test_without_known_faults_faithfulness_is_not_measured(judge: dict[str, Any], how: str) -> None:
    rows = scored(3)
    known = severities(rows, blur=0.9)
    if how == "other images":
        known["image_id"] = "other"
    table = judge_explanations(
        judge,
        known.iloc[:0] if how == "no severities" else known,
        [] if how == "no lexicon" else LEXICON,
        {**PARAMETERS, "faithfulness": how != "parameter"},
        tabulated(rows, [0, 1, 2]),
    )
    assert table["faithfulness"].isna().all()
    assert "faithfulness" not in set(measure_policies(table, SCALE, PARAMETERS, 0)["metric"])


def test_metrics_per_policy_and_split(
    judge: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = pd.concat([scored(30), scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    half: list[int | None] = [level if row % 2 else None for row, level in enumerate(right)]
    judged = judge_explanations(
        judge,
        severities(rows, blur=0.9),
        LEXICON,
        PARAMETERS,
        tabulated(rows, right, "scoring"),
        tabulated(rows, half, "merged"),
    )
    with caplog.at_level(logging.INFO):
        metrics = measure_policies(judged, SCALE, PARAMETERS, seed=0)
    assert list(metrics) == ["policy", "split", "group", "metric", "value", "low", "high", "n"]
    assert set(metrics["group"]) == {"all"}
    value = metrics.set_index(["policy", "split", "metric"])["value"]
    assert value["scoring", "test", "srcc_emitted"] == pytest.approx(1.0)
    assert value["scoring", "test", "consistency"] == pytest.approx(1.0)
    assert value["merged", "validation", "format_valid"] == 0.5
    assert np.isnan(value["merged", "test", "srcc"])  # every distribution is the same here
    assert "'merged' keeps the response format in only 50.0 %" in caplog.text
    assert "'scoring' on test: srcc nan, consistency 1.000" in caplog.text
    assert "'scoring' keeps" not in caplog.text


def test_metrics_are_the_same_for_the_same_seed(judge: dict[str, Any]) -> None:
    rows = scored(30)
    judged = judge_explanations(
        judge, severities(rows, 0.9), LEXICON, PARAMETERS, tabulated(rows, [0, 2, 1] * 10)
    )
    first, again, other = (measure_policies(judged, SCALE, PARAMETERS, seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first["low"].equals(other["low"])
