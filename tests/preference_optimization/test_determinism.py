"""Policy and reference are the same function before the first step, whatever the model's config."""

import json
import math

import pytest
import small_training
import tiny_vlm
import torch
from cards import policy_over
from small_training import settings, train

from selfscore.preference_optimization.training import train_dpo_expert


def dropping(save, folder, **sections):
    """A tiny model whose published config has dropout, as a policy."""
    save(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    for section, values in sections.items():
        config[section] |= values
    file.write_text(json.dumps(config))
    return policy_over(folder)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("dropout", [0.1, 0.5])
@pytest.mark.parametrize("save", [tiny_vlm.save_idefics3, tiny_vlm.save_llava])
def test_attention_dropout_leaves_the_first_loss_at_log_two(save, dropout, checkpointing, tmp_path):
    policy = dropping(save, tmp_path / "model", text_config={"attention_dropout": dropout})
    known = small_training.weighed(policy, small_training.pairs())
    _, log = train(policy, known, settings(epochs=1, gradient_checkpointing=checkpointing))
    assert log["loss"].iloc[0] == pytest.approx(math.log(2), abs=1e-4)
    assert log["rewards/margins"].iloc[0] == pytest.approx(0, abs=1e-4)


def test_dropout_changes_nothing_of_the_training(tmp_path):
    """Every step, tower and connector too, is that of the same model without any dropout."""
    options = settings(epochs=2, targets="whole_model")
    adapters = [
        train(
            dropping(
                tiny_vlm.save_idefics3,
                tmp_path / str(rate),
                text_config={"attention_dropout": rate},
                vision_config={"attention_dropout": rate},
            ),
            small_training.pairs(),
            options,
        )[0]
        for rate in (0.0, 0.3)
    ]
    for name, tensor in adapters[0].tensors.items():
        assert torch.equal(adapters[1].tensors[name], tensor), name


def test_checkpointing_computes_again_though_nothing_is_in_training_mode(tmp_path):
    policy = dropping(tiny_vlm.save_llava, tmp_path, text_config={"attention_dropout": 0.5})
    start = small_training.encoder(policy)
    layers = start.vlm.model.get_decoder().layers
    modes = []
    layers[0].self_attn.register_forward_hook(lambda module, *_: modes.append(module.training))
    table = small_training.weighed(policy, small_training.pairs())
    for checkpointing, passes in ((False, 1), (True, 2)):
        options = settings(epochs=1, gradient_checkpointing=checkpointing)
        before = len(modes)
        train_dpo_expert(start, table, "Rate it.", options, 0, {})
        # The check of the packing runs the model three times, before the first training alone.
        assert len(modes) - before - (3 if checkpointing is False else 0) == passes * 2
    assert set(modes) == {False}
    assert "train" not in vars(start.vlm.model)
    assert not any(module.training for module in start.vlm.model.modules())


def test_a_reference_of_another_model_is_refused_at_the_first_step(idefics3, tmp_path):
    other = dropping(tiny_vlm.save_llava, tmp_path)
    known = small_training.weighed(other, small_training.pairs())
    checkpoint = {}
    with pytest.raises(ValueError, match="stage preference_building again"):
        train(idefics3, known, settings(epochs=1), checkpoint)
    assert not checkpoint
