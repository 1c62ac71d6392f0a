from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import policy_over
from interrupted import killed_and_begun_again

from selfscore.pipelines.evaluation.judgement import (
    compare_judges,
    measure_consistency,
)
from selfscore.pipelines.evaluation.measurement import measure_policies

LEXICON: list[dict[str, Any]] = [
    {"phrase": "terrible", "attribute": "blur", "low": 0.5, "high": 1.0},
    {"phrase": "superb", "attribute": "blur", "low": 0.0, "high": 0.2},
]
Judged = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


def severities(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"image_id": rows["image_id"], "blur": 0.9})


def test_the_judge_reads_levels_and_severities_tell_the_truth(answers: Any, judged: Judged) -> None:
    rows = answers.scored(4)
    table, _ = judged(
        answers.table(rows, [0, 1, 2, None], "scoring"),
        answers.table(rows, [2, 2, 2, 2], "merged"),
        severities=severities(rows),
        statement_lexicon=LEXICON,
    )
    assert len(table) == 8 and "response" not in table and "explanation" not in table
    first = table[table["policy"] == "scoring"]
    np.testing.assert_allclose(first["inferred_level"][:3], [0, 1, 2], atol=0.4)
    assert np.isnan(first["inferred_level"][3])
    # True, without a statement, untrue, without an answer.
    np.testing.assert_array_equal(first["faithfulness"], [1.0, np.nan, 0.0, np.nan])


@pytest.mark.parametrize("how", ["parameter", "other images", "no severities", "no lexicon"])
def test_without_known_faults_faithfulness_is_not_measured(
    answers: Any, judged: Judged, parameters: dict[str, Any], how: str
) -> None:
    rows = answers.scored(3)
    known = severities(rows)
    if how == "other images":
        known["image_id"] = "other"
    table, _ = judged(
        answers.table(rows, [0, 1, 2]),
        severities=known.iloc[:0] if how == "no severities" else known,
        statement_lexicon=[] if how == "no lexicon" else LEXICON,
        parameters={**parameters, "faithfulness": how != "parameter"},
    )
    assert table["faithfulness"].isna().all()
    metrics = measure_policies(table, answers.scale, parameters, 0)
    assert "faithfulness" not in set(metrics["metric"])


def test_accepted_forced_texts_are_read_too(answers: Any, judged: Judged) -> None:
    written = pd.concat([answers.forced(4), answers.forced(1, accepted=False)])
    _, forced = judged(answers.table(answers.scored(3), [0, 1, 2]), generations=written)
    assert list(forced) == ["image_id", "split", "side", "level", "inferred_level_tfidf"]
    assert len(forced) == 8 and set(forced["split"]) == {"train"}
    np.testing.assert_allclose(forced["inferred_level_tfidf"], forced["level"], atol=0.4)


def test_every_policy_is_judged_on_the_same_sample(
    answers: Any, judged: Judged, parameters: dict[str, Any]
) -> None:
    rows = pd.concat([answers.scored(30), answers.scored(9, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    parameters["judging"]["sample_size"] = 10
    table, forced = judged(
        answers.table(rows, right, "scoring"),
        answers.table(rows.iloc[::-1].reset_index(drop=True), right[::-1], "merged"),
        generations=answers.forced(25),
        parameters=parameters,
    )
    assert table["sampled"].tolist() == table["inferred_level"].notna().tolist()
    chosen = table[table["sampled"]].groupby(["policy", "split"])["image_id"].agg(set)
    assert chosen["scoring", "test"] == chosen["merged", "test"]
    assert len(chosen["merged", "test"]) == 10 and len(chosen["merged", "validation"]) == 9
    assert forced["image_id"].nunique() == 10 and len(forced) == 20
    figures = measure_consistency(table, forced, answers.scored(25, "train"), parameters, seed=0)
    assert figures.set_index(["policy", "split", "metric"])["n"]["merged", "test", "judged"] == 10


def test_two_judges_each_have_their_column(
    answers: Any, judged: Judged, parameters: dict[str, Any], tmp_path: Any
) -> None:
    folder = str(tiny_vlm.save_idefics3(tmp_path / "model"))
    parameters["judging"] |= {"judges": ["self", "tfidf"], "self": {"batch_size": 8}}
    rows = answers.scored(9)

    def work(done: dict[str, bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
        return judged(
            answers.table(rows, [0, 1, 2] * 3),
            base_policy=policy_over(folder),
            parameters=parameters,
            checkpoint=done,
        )

    table, forced = work({})
    again = killed_and_begun_again(work, 1)
    pd.testing.assert_frame_equal(again[0], table, check_exact=True)
    pd.testing.assert_frame_equal(again[1], forced, check_exact=True)
    assert [name for name in table if name.startswith("inferred_level_")] == [
        "inferred_level_self",
        "inferred_level_tfidf",
    ]
    pd.testing.assert_series_equal(
        table["inferred_level"], table["inferred_level_self"], check_names=False
    )
    assert not np.allclose(table["inferred_level_self"], table["inferred_level_tfidf"])
    figures = measure_consistency(table, forced, answers.scored(3, "train"), parameters, seed=0)
    assert figures["judge"].unique().tolist() == ["self", "tfidf"]
    agreed = compare_judges(table, parameters, seed=0)
    assert agreed[["judge", "other_judge"]].drop_duplicates().to_numpy().tolist() == [
        ["self", "tfidf"]
    ]
    assert agreed["metric"].tolist() == ["kappa", "srcc"]


def test_no_judge_is_refused(judged: Judged, answers: Any, parameters: dict[str, Any]) -> None:
    parameters["judging"]["judges"] = []
    with pytest.raises(ValueError, match="names no judge"):
        judged(answers.table(answers.scored(1), [0]), parameters=parameters)


def test_consistency_of_each_judge_policy_and_split(
    answers: Any, judged: Judged, parameters: dict[str, Any]
) -> None:
    rows = pd.concat([answers.scored(60), answers.scored(12, "validation")], ignore_index=True)
    right = rows["level"].tolist()
    half = [level if row % 2 else None for row, level in enumerate(right)]
    table, forced = judged(
        answers.table(rows, right, "scoring"), answers.table(rows, half, "merged")
    )
    figures = measure_consistency(table, forced, answers.scored(3, "train"), parameters, seed=0)
    assert list(figures) == ["judge", "policy", "split", "metric", "value", "low", "high", "n"]
    found = figures.set_index(["policy", "split", "metric"])
    assert found["value"]["scoring", "test", "consistency"] == pytest.approx(1.0)
    assert abs(found["value"]["scoring", "test", "consistency_wrong_image"]) < 0.3
    assert found["n"]["merged", "validation", "consistency"] == 6
    assert found["value"]["merged", "validation", "judged"] == 1.0
    assert found["value"]["incoming", "train", "discrimination"] == 1.0
    assert found["n"]["incoming", "train", "discrimination"] == 3
    # The first judge's figures are those of the table of metrics.
    metrics = measure_policies(table, answers.scale, parameters, seed=0)
    both = metrics.merge(figures, on=["policy", "split", "metric"], suffixes=("", "_judge"))
    assert len(both) == 4 * 4
    for column in ("value", "low", "high", "n"):
        np.testing.assert_array_equal(both[column], both[f"{column}_judge"])


def test_texts_told_apart_the_wrong_way_round(
    answers: Any, judged: Judged, parameters: Any
) -> None:
    swapped = answers.forced(4).assign(level=[0, 2] * 4)
    table, forced = judged(answers.table(answers.scored(3), [0, 1, 2]), generations=swapped)
    images = answers.scored(4, "train", per_group=2)
    figures = measure_consistency(table, forced, images, parameters, seed=0)
    assert figures.set_index("metric")["value"]["discrimination"] == 0.0


def test_a_policy_without_a_valid_answer_has_no_consistency(
    answers: Any, judged: Judged, parameters: dict[str, Any]
) -> None:
    table, forced = judged(
        answers.table(answers.scored(3), [None] * 3), generations=answers.forced(3, accepted=False)
    )
    images = answers.scored(3, "train")
    figures = measure_consistency(table, forced, images, parameters, seed=0)
    assert figures["value"].isna().all() and (figures["n"] == 0).all()


def test_one_judge_agrees_with_nobody(
    answers: Any, judged: Judged, parameters: dict[str, Any], tmp_path: Any
) -> None:
    table, _ = judged(answers.table(answers.scored(6), [0, 1, 2] * 2))
    agreed = compare_judges(table, parameters, seed=0)
    agreed.to_parquet(tmp_path / "agreement.parquet")
    stored = pd.read_parquet(tmp_path / "agreement.parquet")
    assert list(stored) == [
        "policy", "split", "judge", "other_judge", "metric", "value", "low", "high", "n",
    ]  # fmt: skip
    assert stored.empty and stored["value"].dtype == "float64" and stored["n"].dtype == "int64"
