import pandas as pd

from benchmarks.experiments.answers import COLUMNS, answers_of, answers_of_rounds

JUDGED = pd.DataFrame(
    {
        "round": 1,
        "policy": ["merged", "merged", "scoring"],
        "split": "test",
        "image_id": ["a", "b", "a"],
        "group": "zoo",
        "score": [1.5, 2.5, 1.5],
        "expected_score": [1.6, 2.2, 1.0],
        "valid": [True, False, True],
        "emitted_level": pd.array([1, None, 0], dtype="Int64"),
        "inferred_level": [1.2, None, 0.1],
        "faithfulness": [1.0, None, 0.5],
    }
)


def test_answers_of_what_rounds_hand_on() -> None:
    base = JUDGED[:1].assign(round=0, policy="base", expected_score=3.0)
    run = {"baseline.judgements": base, "iteration_1.judgements": JUDGED}
    found = answers_of_rounds(run.__getitem__, 1)
    assert list(found) == COLUMNS
    assert found["policy"].tolist() == ["base", "merged", "merged"]
    assert found["valid"].tolist() == [1.0, 1.0, 0.0]
    assert found["expected"].tolist() == [3.0, 1.6, 2.2]
    assert list(answers_of_rounds({}.__getitem__, 0)) == COLUMNS


def test_what_writes_nothing_has_a_score_alone() -> None:
    silent = JUDGED[["round", "policy", "split", "image_id", "group", "score", "expected_score"]]
    assert answers_of(silent)[["valid", "stated", "inferred", "faithfulness"]].isna().all(axis=None)
