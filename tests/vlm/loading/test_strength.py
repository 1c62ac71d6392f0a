import pytest
import stock
import torch

from selfscore.expert_training.targets import lora_targets
from selfscore.merging.delta import to_lora
from selfscore.merging.experts import scaled
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.loading.strength import with_dial


def update(model, targets="language_model"):
    generator = torch.Generator().manual_seed(0)
    changes = {
        name: 0.05 * torch.randn(model.get_submodule(name).weight.shape, generator=generator)
        for name in lora_targets(model, targets)
    }
    return to_lora(changes, 8, "base")[0]


def logits(vlm, images):
    with torch.inference_mode():
        return vlm.model(**stock.encode(vlm, images["0.png"], "Rate it.", [])).logits


def test_a_strength_computes_what_folding_the_scaled_update_does(policy, vlm, images):
    adapter = update(vlm.model)
    dialled, turn = with_dial(load_vlm(policy), adapter)
    # Back and forth, since one strength must leave nothing behind for the next.
    for strength in (2.0, 0.5, 0.0, 2.0):
        turn(strength)
        folded = load_vlm(policy, [scaled(adapter, strength)])
        torch.testing.assert_close(
            logits(dialled, images), logits(folded, images), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(("targets", "frozen"), [("language_model", True), ("whole_model", False)])
def test_an_update_of_the_tower_puts_stored_features_out_of_use(policy, vlm, targets, frozen):
    dialled, _ = with_dial(load_vlm(policy), update(vlm.model, targets))
    assert dialled.tower_frozen is frozen
