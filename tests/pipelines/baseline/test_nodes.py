from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
import torch
import yaml
from cards import MACHINE, PROMPTS, SCALE, policy_over
from interrupted import killed_and_begun_again
from stage_settings import evaluation

from selfscore.configuration.domain import PICTURES, Domain, in_words
from selfscore.judging.tfidf import TfidfJudge
from selfscore.pipelines.baseline.nodes import (
    describe_base_policy,
    encode_edits,
    encode_images,
    fit_consistency_judge,
)
from selfscore.pipelines.baseline.settings import ImageFeaturesSettings
from selfscore.pipelines.evaluation.counterfactual import answer_edits
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures
from selfscore.vlm.policy import BaseModel
from selfscore.vlm.response import Prompts

TOMATOES = Domain("tomato", "freshness", "rotten", "fresh")


def test_policy_0_is_the_base_model_alone():
    policy = describe_base_policy(
        BaseModel("some/model", "abc", {}, 1), vars(SCALE), PROMPTS, TOMATOES
    )
    assert policy.adapter is None
    assert policy.base_model == "some/model"
    assert policy.card.base_model.revision == "abc"
    assert policy.card.iteration == 0
    assert policy.card.parent is None
    assert policy.card.domain == TOMATOES


@pytest.mark.parametrize("levels", [2, 5, 10])
def test_prompts_follow_the_scale(levels, caplog):
    template = Prompts("From 0 to {best}.", "Why {level} of {best}?")
    scale = {**vars(SCALE), "levels": levels}
    card = describe_base_policy(BaseModel("m", None, {}, 1), scale, template, PICTURES).card
    assert card.prompts == Prompts(f"From 0 to {levels - 1}.", f"Why {{level}} of {levels - 1}?")
    assert not caplog.text


def test_the_demo_is_asked_as_its_model_was_taught(project):
    """The prompts are part of the digest of every policy."""
    parameters = yaml.safe_load((project / "conf/base/parameters.yml").read_text())
    asked = Prompts(**in_words(parameters)["prompts"]).for_levels(10)
    assert asked.version == "f528022f8cc7"


def test_prompts_that_speak_of_other_levels_are_told(caplog):
    scale = {**vars(SCALE), "levels": 5}
    asked = Prompts("From 0 to 9.", "Why {level}?")
    describe_base_policy(BaseModel("m", None, {}, 1), scale, asked, PICTURES)
    assert "prompts speak of 9, but the levels are 0 to 4: write {best}" in caplog.text


def test_what_is_used_is_encoded_training_images_first_and_a_killed_run_goes_on(tmp_path):
    policy = policy_over(tiny_vlm.save_idefics3(tmp_path))
    images = tiny_vlm.pictures(5)
    splits = ["test", "train", "validation", "train", "locked"]
    scored = pd.DataFrame({"path": list(images), "split": splits})

    def work(done):
        kept = ImageFeaturesSettings(1, 2)
        return encode_images(policy, images, scored, ["test"], kept, MACHINE, done)

    whole, again = work({}).images, killed_and_begun_again(work, 1).images
    assert list(whole) == list(again) == ["1.png", "3.png", "0.png", "2.png"]
    assert all(torch.equal(whole[key].tokens, again[key].tokens) for key in whole)


def test_edited_pictures_are_encoded_once_for_all_policies(tmp_path):
    policy = policy_over(tiny_vlm.save_idefics3(tmp_path))
    images = tiny_vlm.pictures(3)
    scored = pd.DataFrame(
        {
            "image_id": list("abc"),
            "path": list(images),
            "split": ["train", "validation", "validation"],
            "group": "",
        }
    )
    asked = evaluation(faithfulness={"counterfactual": {"pictures": 1, "strengths": [0.5]}})
    kept = ImageFeaturesSettings(1, 4)
    plain = encode_images(policy, images, scored, [], kept, MACHINE, {})
    features = encode_edits(policy, images, plain, scored, asked, kept, MACHINE, 0, {})

    def answers(pictures, known):
        return answer_edits(policy, pictures, known, scored, asked, MACHINE, 0, {}, "base")

    # Where a picture was looked at, there is none to look at.
    stored = answers({}, features)
    assert len(stored) == len(features.images) == 13 - 6
    pd.testing.assert_frame_equal(stored, answers(images, replace(features, images={})))


def test_where_nothing_is_edited_no_model_is_loaded():
    asked = evaluation(faithfulness={"counterfactual": {"pictures": 0}})
    scored = pd.DataFrame({"image_id": ["a"], "path": ["a"], "split": ["validation"]})
    kept = ImageFeaturesSettings(1, 4)
    plain = StoredFeatures({"id": "some/model"}, {"a": ImageFeatures(torch.ones(1, 2), "<image>")})
    none = encode_edits(policy_over(), {}, plain, scored, asked, kept, MACHINE, 0, {})
    assert not none.images and none.base_model == plain.base_model


def test_the_judge_reads_accepted_texts_only():
    words = ["awful", "poor", "plain", "fine", "great"]
    rows = [
        {
            "image_id": filler,
            "explanation": f"It is {words[level // 2]} {filler}.",
            "level": level,
            "accepted": True,
        }
        for level in range(10)
        for filler in ("here", "there", "now", "then", "again", "indeed")
    ]
    misleading = [
        {"image_id": "x", "explanation": "It is great here.", "level": 0, "accepted": False}
        for _ in range(200)
    ]
    judge = fit_consistency_judge(policy_over(), pd.DataFrame(rows + misleading), seed=0)
    inferred = TfidfJudge(judge).infer_levels(["It is awful here.", "It is great here."])
    assert np.diff(inferred)[0] > 2
    swayed = pd.DataFrame(rows + misleading).assign(accepted=True)
    judge = fit_consistency_judge(policy_over(), swayed, seed=0)
    inferred = TfidfJudge(judge).infer_levels(["It is awful here.", "It is great here."])
    assert np.diff(inferred)[0] < 0
