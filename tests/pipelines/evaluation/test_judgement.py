from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import policy_over
from interrupted import killed_and_begun_again
from stage_settings import evaluation

from selfscore.datasets.contracts import Readings
from selfscore.pipelines.evaluation.judgement import READING_COLUMNS
from selfscore.pipelines.evaluation.settings import EvaluationSettings

LEXICON: list[dict[str, Any]] = [
    {"phrase": "terrible", "attribute": "blur", "low": 0.5, "high": 1.0},
    {"phrase": "superb", "attribute": "blur", "low": 0.0, "high": 0.2},
]
Judged = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


def attributes(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"image_id": rows["image_id"], "blur": 0.9})


def test_the_judge_reads_levels_and_attributes_tell_the_truth(answers: Any, judged: Judged) -> None:
    rows = answers.scored(4)
    table, _ = judged(
        answers.table(rows, [0, 1, 2, None], "scoring"),
        answers.table(rows, [2, 2, 2, 2], "merged"),
        attributes=attributes(rows),
        statement_lexicon=LEXICON,
    )
    assert len(table) == 8 and "response" not in table
    first = table[table["policy"] == "scoring"]
    np.testing.assert_allclose(first["inferred_level"][:3], [0, 1, 2], atol=0.4)
    assert np.isnan(first["inferred_level"][3])
    # True, without a statement, untrue, without an answer.
    np.testing.assert_array_equal(first["faithfulness"], [1.0, np.nan, 0.0, np.nan])


@pytest.mark.parametrize("how", ["parameter", "other images", "no attributes", "no lexicon"])
def test_without_known_faults_faithfulness_is_not_measured(
    answers: Any, judged: Judged, settings: EvaluationSettings, how: str
) -> None:
    rows = answers.scored(3)
    known = attributes(rows)
    if how == "other images":
        known["image_id"] = "other"
    table, _ = judged(
        answers.table(rows, [0, 1, 2]),
        attributes=known.iloc[:0] if how == "no attributes" else known,
        statement_lexicon=[] if how == "no lexicon" else LEXICON,
        settings=replace(
            settings, faithfulness=replace(settings.faithfulness, statements=how != "parameter")
        ),
    )
    assert table["faithfulness"].isna().all()


def test_every_reading_is_a_row(answers: Any, judged: Judged) -> None:
    written = pd.concat([answers.forced(4), answers.forced(1, accepted=False)])
    table, readings = judged(answers.table(answers.scored(3), [0, 1, None]), generations=written)
    assert list(readings) == READING_COLUMNS
    Readings.validate(readings)
    forced = readings[readings["policy"] == "incoming"]
    assert len(forced) == 8 and set(forced["split"]) == {"train"}
    assert forced["side"].value_counts().to_dict() == {"chosen": 4, "rejected": 4}
    np.testing.assert_allclose(forced["inferred_level"], forced["level"], atol=0.4)
    own = readings[readings["policy"] == "merged"]
    assert set(own["side"]) == {""} and own["level"].tolist() == [0, 1]
    assert own["inferred_level"].tolist() == table["inferred_level"].tolist()[:2]


def test_every_policy_is_judged_on_the_same_sample(answers: Any, judged: Judged) -> None:
    rows = pd.concat([answers.scored(30), answers.scored(9, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    table, readings = judged(
        answers.table(rows, right, "scoring"),
        answers.table(rows.iloc[::-1].reset_index(drop=True), right[::-1], "merged"),
        generations=answers.forced(25),
        settings=evaluation(judging={"sample_size": 10}),
    )
    assert table["sampled"].tolist() == table["inferred_level"].notna().tolist()
    chosen = table[table["sampled"]].groupby(["policy", "split"])["image_id"].agg(set)
    assert chosen["scoring", "test"] == chosen["merged", "test"]
    assert len(chosen["merged", "test"]) == 10 and len(chosen["merged", "validation"]) == 9
    forced = readings[readings["policy"] == "incoming"]
    assert forced["image_id"].nunique() == 10 and len(forced) == 20
    assert len(readings) - len(forced) == table["sampled"].sum()


def test_two_judges_read_the_same_texts(answers: Any, judged: Judged, tmp_path: Any) -> None:
    folder = str(tiny_vlm.save_idefics3(tmp_path / "model"))
    rows = answers.scored(9)

    def work(done: dict[str, bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
        return judged(
            answers.table(rows, [0, 1, 2] * 3),
            base_policy=policy_over(folder),
            settings=evaluation(judging={"judges": ["self", "tfidf"], "self": {"batch_size": 8}}),
            checkpoint=done,
        )

    table, readings = work({})
    again = killed_and_begun_again(work, 1)
    pd.testing.assert_frame_equal(again[0], table, check_exact=True)
    pd.testing.assert_frame_equal(again[1], readings, check_exact=True)
    assert readings["judge"].unique().tolist() == ["self", "tfidf"]
    first, second = (
        readings[readings["judge"] == name].reset_index(drop=True) for name in ("self", "tfidf")
    )
    read = ["judge", "inferred_level"]
    pd.testing.assert_frame_equal(first.drop(columns=read), second.drop(columns=read))
    assert not np.allclose(first["inferred_level"], second["inferred_level"])
    # The first one's readings are those of the judgements.
    assert table["inferred_level"].tolist() == first["inferred_level"].tolist()[:9]
