import numpy as np
import pandas as pd
import pytest

from benchmarks.experiments.forced_texts import describe_forced_texts
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import IntervalSettings

INTERVALS = IntervalSettings("group", 20, 0.95)


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
    read = texts[texts["accepted"]].rename(columns={"inferred_level_tfidf": "inferred_level"})
    read = read.drop(columns=["explanation", "accepted"]).assign(judge="tfidf", policy="incoming")
    return describe_forced_texts(
        texts.drop(columns="inferred_level_tfidf"),
        read,
        scored,
        {"held_out": {"srcc": 0.8}},
        INTERVALS,
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
