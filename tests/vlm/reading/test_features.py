import logging

import pytest
import stock
import torch
from interrupted import killed_and_begun_again

from selfscore.expert_training.targets import lora_targets
from selfscore.merging.delta import to_lora
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.features import ImageEncoder, compute_features, store_features


class Untouchable(dict):
    """Images that must not be read."""

    def __getitem__(self, key):
        raise AssertionError(f"'{key}' was read")


def test_features_are_what_the_language_model_is_given(vlm, images):
    """In place of the image tokens, and where there are any in its layers."""
    given = {}
    hook = vlm.model.get_decoder().register_forward_pre_hook(
        lambda module, args, kwargs: given.update(kwargs), with_kwargs=True
    )
    inputs = stock.encode(vlm, images["2.png"], "Rate it.", [])
    with torch.no_grad():
        vlm.model(**inputs)
    hook.remove()
    seen = given["inputs_embeds"][inputs["input_ids"] == vlm.model.config.image_token_id]
    deeper = given.get("deepstack_visual_embeds")
    if deeper:
        seen = torch.stack([seen, *deeper], dim=1)
    (features,) = compute_features(vlm, images, ["2.png"])
    torch.testing.assert_close(features.tokens, seen)
    assert features.placeholder.count(vlm.processor.image_token) == len(seen) > 0


def test_stored_features_are_used_and_no_image_is_read(vlm, images):
    keys = list(images)
    stored = store_features(vlm, images, keys, batch_size=3, max_bytes=1e9)
    assert list(stored.images) == keys
    found = ImageEncoder(vlm, Untouchable(), stored)(keys[::-1])
    fresh = ImageEncoder(vlm, images)(keys[::-1])
    for one, other in zip(found, fresh, strict=True):
        torch.testing.assert_close(one.tokens, other.tokens)


def test_what_does_not_fit_is_computed_again(vlm, images, caplog):
    keys = list(images)
    all_ = compute_features(vlm, images, keys)
    room = sum(row.nbytes for row in all_[:3]) + 1
    with caplog.at_level(logging.WARNING):
        stored = store_features(vlm, images, keys, batch_size=2, max_bytes=room)
    assert list(stored.images) == keys[:3]
    assert "features of 3 of 7 images are kept" in caplog.text
    assert "image_features.max_gb" in caplog.text
    encoder = ImageEncoder(vlm, images, stored)
    assert [len(row.tokens) for row in encoder(keys)] == [len(row.tokens) for row in all_]
    assert encoder.length(keys[0]) == len(all_[0].tokens)
    assert encoder.length(keys[-1]) == 0


@pytest.mark.parametrize("kept", [7, 5, 3])
def test_killed_it_goes_on_with_the_next_batch(vlm, read, kept):
    keys = list(read)
    room = sum(row.nbytes for row in compute_features(vlm, read, keys)[:kept])

    def work(checkpoint=None):
        return store_features(vlm, read, keys, batch_size=2, max_bytes=room, checkpoint=checkpoint)

    whole = work()
    assert list(whole.images) == keys[:kept]
    again = killed_and_begun_again(work, 1, read.keys_read.clear)
    # Up to the end of the batch that does not fit any more.
    assert read.keys_read == keys[2 : kept + 1]
    for (key, one), (other_key, other) in zip(
        whole.images.items(), again.images.items(), strict=True
    ):
        assert (key, one.placeholder) == (other_key, other.placeholder)
        assert one.tokens.dtype == other.tokens.dtype and torch.equal(one.tokens, other.tokens)
        assert (one.grid is None) == (other.grid is None)
        assert one.grid is None or torch.equal(one.grid, other.grid)


def test_no_memory_keeps_nothing(vlm, images):
    assert store_features(vlm, images, list(images), batch_size=2, max_bytes=0).images == {}


def test_features_of_another_model_are_refused(vlm, images):
    with pytest.raises(ValueError, match="are of the model 'other'"):
        ImageEncoder(vlm, images, StoredFeatures({"id": "other", "revision": None}, {}))


@pytest.mark.parametrize("targets", ["language_model", "whole_model"])
def test_a_policy_that_changes_the_tower_does_without_stored_features(policy, vlm, images, targets):
    generator = torch.Generator().manual_seed(0)
    changes = {
        name: 0.05 * torch.randn(vlm.model.get_submodule(name).weight.shape, generator=generator)
        for name in lora_targets(vlm.model, targets)
    }
    changed = load_vlm(Policy(policy.card, to_lora(changes, 4, "base")[0]))
    stored = store_features(vlm, images, ["0.png"], batch_size=1, max_bytes=1e9)
    (found,) = ImageEncoder(changed, images, stored)(["0.png"])
    same = torch.equal(found.tokens, stored.images["0.png"].tokens)
    assert same == (targets == "language_model")
    (own,) = compute_features(changed, images, ["0.png"])
    torch.testing.assert_close(found.tokens, own.tokens)
