import re

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
import torch
from cards import MACHINE, policy_over
from images import coloured_images
from interrupted import killed_and_begun_again

from selfscore.datasets.contracts import Pairs
from selfscore.pipelines.baseline.nodes import form_second_opinions
from selfscore.pipelines.preference_building.nodes import (
    build_level_examples,
    build_pairs,
    report_preferences,
    weigh_references,
)
from selfscore.pipelines.preference_building.pipeline import create_pipeline
from selfscore.pipelines.preference_building.settings import PreferenceBuildingSettings
from selfscore.preference_data.builders import PAIR_BUILDERS
from selfscore.preference_data.pairs import PAIR_COLUMNS
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities

BATCHES = PreferenceBuildingSettings(batch_size=3, ridge_weight=0.6)


def generations(count: int = 8) -> pd.DataFrame:
    rows = []
    for i in range(count):
        for side, level in (("chosen", i % 4), ("rejected", 5 + i % 4)):
            rows.append(
                {
                    "image_id": str(i),
                    "path": f"{i}.png",
                    "split": "train",
                    "side": side,
                    "level": level,
                    "explanation": f"Text {side} {'abcdefgh'[i]}.",
                    "accepted": (i, side) != (0, "rejected"),
                    "reason": "" if (i, side) != (0, "rejected") else "generic",
                    "attempts": 1 + (i == 1),
                }
            )
    return pd.DataFrame(rows)


def test_each_expert_has_its_pairs():
    scoring = build_pairs(generations(), 0, "scoring")
    consistency = build_pairs(generations(), 0, "consistency")
    assert len(scoring) == len(consistency) == 7
    assert scoring["chosen"].equals(consistency["chosen"])
    assert not scoring["rejected"].equals(consistency["rejected"])


def test_free_texts_make_pairs_without_a_forced_side():
    free = pd.DataFrame(
        {
            "image_id": list("0123"),
            "path": [f"{i}.jpg" for i in range(4)],
            "split": "train",
            "side": "free",
            "level": pd.array([4, 4, 4, pd.NA], dtype="Int64"),
            "explanation": ["It is sharp.", "It is dark.", "It is noisy.", ""],
            "accepted": [True, True, False, False],
        }
    )
    pairs = build_pairs(free, 0, "grounding_free")
    assert pairs["image_id"].tolist() == ["0", "1"]
    assert pairs["rejected"].tolist() == pairs["chosen"].tolist()[::-1]


def test_every_builder_keeps_the_contract_of_pairs():
    texts = generations()
    texts["level"] = texts["level"] % 2 + 5 * (texts["side"] == "rejected")
    free = texts[texts["side"] == "chosen"]
    for expert, builder in PAIR_BUILDERS.items():
        pairs = build_pairs(free if builder.free_texts else texts, 0, expert)
        Pairs.validate(pairs)
        assert list(pairs) == PAIR_COLUMNS


def test_an_unknown_expert_is_named():
    with pytest.raises(ValueError, match="No pair builder for expert 'humour'"):
        build_pairs(generations(), 0, "humour")


def test_where_the_gates_drop_all_texts_the_gate_is_named():
    rejected = generations().assign(accepted=False, reason="too_short")
    with pytest.raises(ValueError, match="16 too_short.*`data_generation.gates.min_words`"):
        build_pairs(rejected, 0, "scoring")


def alone(count: int) -> pd.DataFrame:
    """Images with a level each."""
    texts = generations(count).assign(accepted=True)
    return texts.assign(level=[row // 2 + 1 - row % 2 for row in range(len(texts))])


@pytest.mark.parametrize("count", [8, 3, 2, 1])
def test_images_that_are_alone_with_their_level_are_told_and_the_advice_helps(count):
    with pytest.raises(ValueError, match=f"of {count} images .* only one") as told:
        build_pairs(alone(count), 0, "grounding_contrast")
    advised = re.search(r"`ingestion.levels` to (\d)", str(told.value))
    assert (advised is None) == (count <= 2)
    if advised:
        levels = int(advised[1])
        texts = alone(count)
        fewer = texts.assign(level=texts["level"] * levels // (count + 1))
        assert not build_pairs(fewer, 0, "grounding_contrast").empty
    # Leaving the expert out is advice, too: the others have pairs.
    assert not build_pairs(alone(count), 0, "scoring").empty


def test_texts_that_are_all_the_same_are_told():
    same = alone(4).assign(explanation="It is what it is.")
    together = same.assign(level=[0, 1] * 4)
    for texts, expert in ((same, "consistency"), (together, "grounding")):
        with pytest.raises(ValueError, match="word for word the same.*temperature"):
            build_pairs(texts, 0, expert)


def test_the_report_counts_and_sees_what_levels_alone_tell():
    texts = generations()
    pairs = {name: build_pairs(texts, 0, name) for name in ("scoring", "consistency")}
    report = report_preferences(texts, **pairs)
    assert report["explanations"] == 16
    assert report["accepted"] == 15
    assert report["dropped"] == {"generic": 1}
    assert report["regenerated"] == 2
    assert report["pairs"] == {"scoring": 7, "consistency": 7}
    # The lower level is always the true one here: the image is not needed to see that.
    assert report["blind_accuracy"]["scoring"] > 0.7
    assert set(report["blind_accuracy"]) == {"scoring"}


def test_levels_are_those_of_the_policys_scale_and_are_counted():
    texts = generations()
    texts.loc[texts["image_id"] == "3", "accepted"] = False
    chosen = texts[texts["side"] == "chosen"]
    images = chosen[["image_id", "path", "split", "level"]].assign(
        score=chosen["level"] + 0.25, group=chosen["image_id"]
    )
    none = form_second_opinions(images, StoredFeatures({}, {}))
    examples = build_level_examples(policy_over(), images, none, texts, BATCHES)
    assert examples["position"].tolist() == (chosen["level"] + 0.25).tolist()
    report = report_preferences(texts, level_examples=examples)
    assert report["level_examples"] == {"images": 8, "with_text": 7, "ridge_share": 0.0}
    assert report["pairs"] == {}
    assert "level_examples" not in report_preferences(texts)


def test_features_that_are_stored_give_a_second_opinion():
    texts = generations()
    chosen = texts[texts["side"] == "chosen"]
    score = np.linspace(0.5, 7.5, len(chosen))
    images = chosen[["image_id", "path", "split", "level"]].assign(
        score=score, group=chosen["image_id"]
    )
    features = {
        path: ImageFeatures(torch.tensor([[value, 1.0], [value + 1, 3.0]]), "<image>")
        for path, value in zip(images["path"], score, strict=True)
    }
    opinions = form_second_opinions(images, StoredFeatures({}, features))
    examples = build_level_examples(policy_over(), images, opinions, texts, BATCHES)
    assert examples["ridge"].to_numpy() == pytest.approx(score, abs=0.2)
    report = report_preferences(texts, level_examples=examples)
    assert report["level_examples"]["ridge_share"] == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    ("experts", "made"),
    [
        (["level"], {"level_examples", "preference_report"}),
        (["scoring"], {"scoring_pairs", "reference_logps", "preference_report"}),
        (
            ["level", "scoring"],
            {"level_examples", "scoring_pairs", "reference_logps", "preference_report"},
        ),
    ],
)
def test_only_what_an_expert_learns_from_is_made(experts, made):
    assert create_pipeline(experts).all_outputs() == made


def test_what_generation_told_is_taken_and_the_rest_is_weighed_once(tmp_path):
    images = coloured_images(8)
    texts = generations()
    texts["response"] = [
        f"#Score: {level}\n#Explanation: {text}"
        for level, text in zip(texts["level"], texts["explanation"], strict=True)
    ]
    # Told for one side; a number no pass could give shows where it came from.
    texts["log_probability"] = [7.0 if side == "chosen" else None for side in texts["side"]]
    pairs = {name: build_pairs(texts, 0, name) for name in ("scoring", "consistency")}
    folder = tiny_vlm.save_idefics3(tmp_path)
    policy = policy_over(folder)
    features = StoredFeatures(policy.card.base_model.record(), {})

    def work(done: dict[str, bytes]) -> pd.DataFrame:
        return weigh_references(policy, images, features, texts, BATCHES, MACHINE, done, **pairs)

    table = work({})
    pd.testing.assert_frame_equal(killed_and_begun_again(work, 1), table, check_exact=True)
    # Per image: chosen, rejected, and the rejected text under the true score.
    assert len(table) == 7 * 3
    assert not table.duplicated(["path", "response"]).any()
    assert table["source"].value_counts().to_dict() == {"pass": 14, "generation": 7}
    assert (table.loc[table["source"] == "generation", "logp"] == 7.0).all()
    encoder = ImageEncoder(load_vlm(policy), images)
    for row in table[table["source"] == "pass"].itertuples():
        weights = answer_log_probabilities(encoder, [row.path], [[row.response]], "Rate it.", 1)
        assert row.logp == pytest.approx(weights[0][0], rel=1e-5)


def test_nothing_is_weighed_where_generation_told_all(tmp_path):
    texts = generations(2).assign(log_probability=-3.0)
    texts = texts.assign(accepted=True)
    texts["response"] = [
        f"#Score: {level}\n#Explanation: {text}"
        for level, text in zip(texts["level"], texts["explanation"], strict=True)
    ]
    nowhere = policy_over("./nowhere")
    table = weigh_references(
        nowhere,
        {},
        StoredFeatures({}, {}),
        texts,
        BATCHES,
        MACHINE,
        {},
        scoring=build_pairs(texts, 0, "scoring"),
    )
    assert (table["logp"] == -3.0).all()
    assert len(table) == 4
