import pandas as pd
import pytest

from selfscore.pipelines.preference_building.nodes import build_pairs, report_preferences


def generations(count: int = 8) -> pd.DataFrame:
    rows = []
    for i in range(count):
        for side, level in (("chosen", i % 4), ("rejected", 5 + i % 4)):
            rows.append(
                {
                    "image_id": str(i),
                    "side": side,
                    "level": level,
                    "explanation": f"Text {side} {'abcdefgh'[i]}.",
                    "accepted": (i, side) != (0, "rejected"),
                    "reason": "" if (i, side) != (0, "rejected") else "generic",
                    "attempts": 1 + (i == 1),
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def scored_images():
    ids = [str(i) for i in range(8)]
    return pd.DataFrame({"image_id": ids, "path": [f"{i}.jpg" for i in ids], "split": "train"})


def test_each_expert_has_its_pairs(scored_images):
    scoring = build_pairs(generations(), scored_images, "scoring")
    consistency = build_pairs(generations(), scored_images, "consistency")
    assert len(scoring) == len(consistency) == 7
    assert scoring["chosen"].equals(consistency["chosen"])
    assert not scoring["rejected"].equals(consistency["rejected"])


def test_an_unknown_expert_is_named(scored_images):
    with pytest.raises(ValueError, match="No pair builder for expert 'humour'"):
        build_pairs(generations(), scored_images, "humour")


def test_no_pair_at_all_says_where_to_look(scored_images):
    rejected = generations().assign(accepted=False)
    with pytest.raises(ValueError, match="No scoring pair could be built.*column `reason`"):
        build_pairs(rejected, scored_images, "scoring")


def test_the_report_counts_and_sees_what_levels_alone_tell(scored_images):
    texts = generations()
    pairs = {name: build_pairs(texts, scored_images, name) for name in ("scoring", "consistency")}
    report = report_preferences(texts, **pairs)
    assert report["explanations"] == 16
    assert report["accepted"] == 15
    assert report["dropped"] == {"generic": 1}
    assert report["regenerated"] == 2
    assert report["pairs"] == {"scoring": 7, "consistency": 7}
    # The lower level is always the true one here: the image is not needed to see that.
    assert report["blind_accuracy"]["scoring"] > 0.7
    assert set(report["blind_accuracy"]) == {"scoring"}
