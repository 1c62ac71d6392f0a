"""A base model that was replaced in its folder is noticed wherever it is loaded."""

import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest
import stage_settings
import tiny_vlm
import torch
from cards import PROMPTS, SCALE, policy_over
from safetensors.torch import load_file, save_file

from selfscore.configuration.domain import PICTURES
from selfscore.configuration.settings_class import as_parameters
from selfscore.datasets.image_features import ImageFeaturesDataset
from selfscore.datasets.policy import PolicyDataset
from selfscore.merging.delta import to_lora
from selfscore.pipelines.baseline.nodes import describe_base_policy
from selfscore.pipelines.merging.nodes import update_policy
from selfscore.vlm.loading.content import content_of
from selfscore.vlm.loading.loader import load_outline, load_vlm
from selfscore.vlm.policy import BaseModel
from selfscore.vlm.reading.features import ImageEncoder, store_features

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path):
    return tiny_vlm.save_idefics3(tmp_path / "model")


@pytest.fixture
def policy(folder):
    """As a run makes it."""
    model = {"id": str(folder), "revision": None, "processor": {}, "views": 1}
    return describe_base_policy(BaseModel(**model), as_parameters(SCALE), PROMPTS, PICTURES)


def replace_weights(folder):
    """Other weights of the same size in the same file."""
    tensors = load_file(folder / WEIGHTS)
    save_file(
        {name: 1.5 * tensor for name, tensor in tensors.items()}, folder / WEIGHTS, {"format": "pt"}
    )


def test_every_file_that_is_read_counts_and_no_other(folder):
    before = content_of(str(folder))
    assert {WEIGHTS, "config.json", "tokenizer.json", "processor_config.json"} <= before.keys()
    for name in ("README.md", "_complete.json", ".gitattributes", "notes.txt"):
        (folder / name).write_text("{}")
    (folder / ".cache").mkdir()
    assert content_of(str(folder)) == before
    os.utime(folder / "config.json")
    assert content_of(str(folder)) == before
    (folder / "adapter_config.json").write_text("{}")
    assert content_of(str(folder)).keys() - before.keys() == {"adapter_config.json"}
    assert content_of("a/name-on-the-hub") == {}


@pytest.mark.parametrize("load", [load_vlm, load_outline])
def test_other_weights_under_the_same_name_are_refused(policy, folder, load):
    load(policy)
    replace_weights(folder)
    with pytest.raises(ValueError, match=f"is not the one.*'{WEIGHTS}' differs.*start a new run"):
        load(policy)
    load(replace(policy, base_content={}))


@pytest.fixture
def on_the_hub(tmp_path, monkeypatch):
    """A copy of a hub on this machine: two commits of one model, the first one being main."""
    cache = tmp_path / "hub"
    model = cache / "models--team--tiny"
    first, second = 40 * "a", 40 * "b"
    tiny_vlm.save_idefics3(model / "snapshots" / first)
    shutil.copytree(model / "snapshots" / first, model / "snapshots" / second)
    replace_weights(model / "snapshots" / second)
    (model / "refs").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    main = model / "refs" / "main"
    main.write_text(first)
    return main, first, second


def test_a_name_on_the_hub_stays_the_commit_that_it_was(on_the_hub):
    main, first, second = on_the_hub
    model = {"id": "team/tiny", "revision": None, "processor": {}, "views": 1}
    policy = describe_base_policy(BaseModel(**model), as_parameters(SCALE), PROMPTS, PICTURES)
    assert policy.base_content == {"commit": first}
    before = load_vlm(policy).model.state_dict()
    main.write_text(second)
    again = load_vlm(policy)
    assert again.content == {"commit": first}
    now = describe_base_policy(BaseModel(**model), as_parameters(SCALE), PROMPTS, PICTURES)
    assert now.base_content == {"commit": second} and now.digest == policy.digest
    other = load_vlm(now).model.state_dict()
    for name, tensor in again.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not all(torch.equal(tensor, before[name]) for name, tensor in other.items())
    assert load_outline(policy).content == {"commit": first}
    # A copy of it in a folder, as `kedro score --base-model` names one, is taken at its word.
    folder = main.parents[1] / "snapshots" / first
    moved = replace(policy.card, base_model=replace(policy.card.base_model, id=str(folder)))
    load_outline(replace(policy, card=moved))


def test_a_file_that_is_gone_or_new_is_refused(policy, folder):
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="'adapter_config.json' differs"):
        load_outline(policy)


def test_the_content_goes_from_round_to_round_and_into_files_beside_the_card(
    policy, folder, tmp_path
):
    update = to_lora({"a": torch.eye(4)}, 2, str(folder))[0]
    merging = stage_settings.merging(rank=2)
    strength = pd.DataFrame({"lambda": [1.0], "chosen": [True]})
    after, _ = update_policy(policy, update, {"a": 1.0}, strength, merging)
    assert after.base_content == policy.base_content == content_of(str(folder))
    # Cards, and what policies are told apart by, are as if it were not known.
    unknown = policy_over(folder)
    assert policy.digest == unknown.digest
    written = {}
    for name, each in (("known", policy), ("unknown", unknown)):
        dataset = PolicyDataset(filepath=str(tmp_path / name))
        dataset.save(each)
        assert dataset.load() == each
        written[name] = (tmp_path / name / "policy.json").read_bytes()
    assert written["known"] == written["unknown"]
    assert not (tmp_path / "unknown" / "base_model.json").exists()


def test_features_of_other_weights_are_refused(policy, folder, tmp_path):
    images = tiny_vlm.pictures(2)
    dataset = ImageFeaturesDataset(filepath=str(tmp_path / "features"))
    dataset.save(store_features(load_vlm(policy), images, list(images), 2, 1e9))
    stored = dataset.load()
    assert stored.content == content_of(str(folder))
    ImageEncoder(load_vlm(policy), images, stored)
    replace_weights(folder)
    now = replace(policy, base_content={})
    with pytest.raises(ValueError, match=f"not of the model.*'{WEIGHTS}' differs.*encode_images"):
        ImageEncoder(load_vlm(now), images, stored)
    # Of an earlier release: nothing is known.
    ImageEncoder(load_vlm(now), images, replace(stored, content={}))
