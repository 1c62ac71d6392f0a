import numpy as np
import pandas as pd
import pytest

from selfscore.metrics.rank_correlation import srcc
from selfscore.pipelines.experiments.pipeline import create_pipeline, create_record
from selfscore.pipelines.experiments.record import COLUMNS, collect_figures, describe_forced_texts

EVALUATION = {"resampling_unit": "group", "n_resamples": 20, "confidence": 0.95}


def row(**content):
    return {"policy": "merged", "split": "test", "value": 0.5, "low": 0.4, "high": 0.6} | content


def test_figures_of_all_tables_are_named_apart():
    tables = {
        "metrics_1": pd.DataFrame(
            [
                row(group="all", metric="srcc", n=9),
                row(group="zoo", metric="srcc", n=9),
                row(group="all", metric="srcc", n=9, split="validation"),
            ]
        ),
        "consistency_1": pd.DataFrame(
            [
                row(judge="self", metric="consistency"),
                row(judge="self", metric="discrimination", policy="incoming", split="train"),
            ]
        ),
        "judge_agreement_1": pd.DataFrame([row(judge="tfidf", other_judge="self", metric="kappa")]),
        "health_0": pd.DataFrame([row(metric="level_entropy", breach="").copy()]),
        "preference_report_1": {"pairs": {"scoring": 7}, "blind_accuracy": {"scoring": 0.5}},
        "forced_text_figures_0": pd.DataFrame([{"policy": "base", "metric": "x", "value": 1.0}]),
    }
    figures = collect_figures("test", **tables)
    assert list(figures) == COLUMNS
    assert set(zip(figures["round"], figures["policy"], figures["metric"], strict=True)) == {
        (1, "merged", "srcc"),
        (1, "merged", "consistency.self"),
        (1, "incoming", "discrimination.self"),
        (1, "merged", "kappa.tfidf.self"),
        (0, "merged", "health.level_entropy"),
        (1, "scoring", "pairs"),
        (1, "scoring", "blind_accuracy"),
        (0, "base", "x"),
    }
    assert not figures.duplicated(["round", "policy", "metric"]).any()


def test_no_agreement_where_one_judge_read():
    empty = pd.DataFrame(
        {"policy": [], "split": [], "judge": [], "other_judge": [], "metric": [], "value": []}
    ).astype(dict.fromkeys(["policy", "split", "judge", "other_judge", "metric"], "str"))
    assert collect_figures("test", judge_agreement_1=empty).empty


@pytest.fixture
def texts():
    """Eight images, of which the last has one accepted text and the first two equal ones."""
    random = np.random.default_rng(0)
    rows = []
    for image in range(8):
        for side, level in (("chosen", image), ("rejected", 7 - image)):
            rows.append(
                {
                    "image_id": str(image),
                    "side": side,
                    "level": level,
                    "explanation": "same" if image == 0 else f"{side} {image}",
                    "accepted": (image, side) != (7, "rejected"),
                    "inferred_level_tfidf": level + random.normal(),
                }
            )
    return pd.DataFrame(rows)


def described(texts, examples=3):
    scored = pd.DataFrame(
        {
            "image_id": [str(n) for n in range(8)],
            "group": list("aabbccdd"),
            "score": np.arange(8) / 2,
        }
    )
    return describe_forced_texts(
        texts.drop(columns="inferred_level_tfidf"),
        texts[texts["accepted"]].drop(columns=["explanation", "accepted"]),
        scored,
        {"held_out": {"srcc": 0.8}},
        EVALUATION,
        examples,
        seed=1,
    )


def test_right_and_wrong_scores_are_read_apart(texts):
    figures = described(texts)[0].set_index("metric")["value"]
    wrong = texts[(texts["side"] == "rejected") & texts["accepted"]]
    expected = srcc(wrong["inferred_level_tfidf"], wrong["level"])
    assert figures["forced_wrong.consistency.tfidf"] == pytest.approx(float(expected))
    assert figures["forced_right.inferred_srcc_true.tfidf"] > 0.5
    assert figures["forced_wrong.inferred_srcc_true.tfidf"] < -0.5
    assert figures["forced_right.accepted"] == 1.0
    assert figures["forced_wrong.accepted"] == 7 / 8
    assert figures["forced.differ"] == pytest.approx(6 / 7)
    assert figures["held_out.consistency.tfidf"] == 0.8


def test_examples_are_both_texts_of_images_that_have_two(texts):
    examples = described(texts)[1]
    assert examples["side"].tolist() == ["chosen", "rejected"] * 3
    assert "7" not in set(examples["image_id"])
    assert examples["inferred_level_tfidf"].notna().all()
    assert examples.equals(described(texts)[1])
    assert len(described(texts, examples=50)[1]) == 2 * 7


def test_a_record_reads_every_round():
    record = create_record(2)
    assert record.outputs() == {"run_figures", "run_examples"}
    assert {"baseline.metrics", "iteration_1.health", "iteration_2.preference_report"} <= (
        record.inputs()
    )
    assert not [name for name in create_record(0).inputs() if name.startswith("iteration_")]


def test_the_pages_are_made_of_records_alone():
    assert create_pipeline().outputs() == {"experiment_pages"}
    assert create_pipeline().inputs() == {
        "recorded_figures",
        "recorded_runs",
        "recorded_examples",
        "params:experiments",
    }
