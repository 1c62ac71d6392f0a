"""The node on a tiny model with random weights, whose answers no strength can better."""

import numpy as np
import pandas as pd
import pytest
import stage_settings
import tiny_vlm
import torch
from cards import MACHINE, policy_over
from interrupted import killed_and_begun_again

from selfscore.expert_training.targets import lora_targets
from selfscore.judging.tfidf import fit_judge
from selfscore.merging.delta import to_lora
from selfscore.pipelines.merging.strength import choose_strength, strength_of
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_vlm

AUTO = {
    "lambda": "auto",
    "strength": {"candidates": [0.5, 2.0], "texts": 4, "max_new_tokens": 5, "batch_size": 4},
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return policy_over(tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def merged(policy):
    model = load_vlm(policy).model
    generator = torch.Generator().manual_seed(0)
    changes = {
        name: 0.1 * torch.randn(model.get_submodule(name).weight.shape, generator=generator)
        for name in lora_targets(model, "language_model")
    }
    return to_lora(changes, 8, str(policy.base_model))[0]


@pytest.fixture(scope="module")
def judge():
    texts = ["It is sharp and good.", "It is blurred and bad."] * 4
    return fit_judge(texts, [9, 0] * 4, [str(place) for place in range(8)])


def images_of(splits, scores):
    return pd.DataFrame(
        {
            "image_id": [f"{place}" for place in range(len(splits))],
            "path": [f"{place}.png" for place in range(len(splits))],
            "split": splits,
            "score": scores,
            "group": "",
        }
    )


def strength(policy, merged, judge, table, checkpoint=None, **changes):
    pictures = tiny_vlm.pictures(len(table))
    features = StoredFeatures(policy.card.base_model.record(), {})
    settings = stage_settings.merging(**AUTO | changes)
    kept = {} if checkpoint is None else checkpoint
    return choose_strength(
        policy, merged, pictures, features, table, judge, settings, MACHINE, kept
    )


def test_a_number_is_taken_and_nothing_is_read(policy, merged):
    settings = stage_settings.merging(**{"lambda": 1.5})
    table = choose_strength(policy, merged, {}, None, None, {}, settings, MACHINE, {})
    assert strength_of(table) == 1.5


def test_only_validation_images_are_read_and_one_strength_is_chosen(policy, merged, judge):
    table = images_of(["train", *["validation"] * 6, "test"], np.arange(8.0))
    found = strength(policy, merged, judge, table)
    assert found["chosen"].sum() == 1
    assert strength_of(found) in (0.5, 2.0)
    assert found["lambda"].tolist() == [0.0, 0.5, 2.0]
    # The test images' scores, and the training images', do not matter.
    other = table.assign(score=np.where(table["split"] == "validation", table["score"], 0.0))
    pd.testing.assert_frame_equal(found, strength(policy, merged, judge, other))


def test_a_search_that_was_killed_goes_on_with_what_is_done(policy, merged, judge):
    table = images_of(["validation"] * 6, np.arange(6.0))
    whole = strength(policy, merged, judge, table)
    again = killed_and_begun_again(
        lambda checkpoint: strength(policy, merged, judge, table, checkpoint), stored=3
    )
    pd.testing.assert_frame_equal(whole, again)


@pytest.mark.parametrize(
    ("splits", "scores"),
    [(["train"] * 3, [1.0, 2.0, 3.0]), (["validation"] * 3, [4.0, 4.0, 4.0])],
)
def test_where_the_images_cannot_tell_it_is_1_and_said(
    policy, merged, judge, splits, scores, caplog
):
    found = strength(policy, merged, judge, images_of(splits, scores))
    assert strength_of(found) == 1.0
    assert "The validation images cannot tell how strong the merge should be" in caplog.text
    assert "`merging.lambda`" in caplog.text
