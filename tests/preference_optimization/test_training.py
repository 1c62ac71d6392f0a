import math

import pandas as pd
import pytest
import tiny_vlm
import torch

from selfscore.preference_optimization.settings import DPOSettings
from selfscore.preference_optimization.targets import lora_targets
from selfscore.preference_optimization.training import train_expert
from selfscore.vlm.features import ImageEncoder
from selfscore.vlm.loading import load_vlm
from selfscore.vlm.policy import Policy
from selfscore.vlm.response import write_response

IMAGES = tiny_vlm.pictures(8)


def settings(**changes):
    values = {
        "beta": 0.3,
        "lr": 5e-3,
        "rank": 4,
        "alpha": 8,
        "epochs": 6,
        "batch_size": 4,
        "accumulation_steps": 1,
        "gradient_checkpointing": False,
        "rpo_alpha": 0.0,
        "loss_type": "sigmoid",
        "warmup_ratio": 0.1,
        "max_grad_norm": 1.0,
        "targets": "language_model",
    }
    return DPOSettings(**values | changes)


def encoder(policy):
    return ImageEncoder(load_vlm(policy), IMAGES)


@pytest.fixture(scope="module")
def pairs():
    chosen = write_response(3, "The picture is sharp.")
    rejected = write_response(8, "It is blurred and dark.")
    return pd.DataFrame({"path": list(IMAGES), "chosen": chosen, "rejected": rejected})


def test_training_prefers_the_chosen_and_starts_at_log_two(policy, pairs):
    adapter, log = train_expert(encoder(policy), pairs, "Rate it.", settings(), seed=0)
    assert log["loss"].iloc[0] == pytest.approx(math.log(2), abs=1e-4)
    assert log["rewards/margins"].iloc[-1] > 0.3
    assert log["rewards/accuracies"].iloc[-1] == 1.0
    assert log["step"].is_monotonic_increasing
    names = lora_targets(load_vlm(policy).model, "language_model")
    assert adapter.config["target_modules"] == sorted(names)
    assert len(adapter.tensors) == 2 * len(names)


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(policy, pairs):
    short = settings(epochs=1)
    runs = [train_expert(encoder(policy), pairs, "Rate it.", short, seed)[0] for seed in (0, 0, 1)]
    first, again, other = (Policy({}, adapter).digest for adapter in runs)
    assert first == again
    assert first != other


def test_experts_of_one_seed_start_from_the_same_a(policy, pairs):
    swapped = pairs.rename(columns={"chosen": "rejected", "rejected": "chosen"})
    still = settings(epochs=1, lr=1e-12)
    one, two = (
        train_expert(encoder(policy), table, "Rate it.", still, 0)[0] for table in (pairs, swapped)
    )
    for key, tensor in one.tensors.items():
        if "lora_A" in key:
            torch.testing.assert_close(tensor, two.tensors[key], rtol=0, atol=1e-6)


def test_rpo_alpha_adds_the_likelihood_of_the_chosen(policy, pairs):
    _, log = train_expert(
        encoder(policy), pairs, "Rate it.", settings(rpo_alpha=1.0, epochs=1), seed=0
    )
    assert log["loss"].iloc[0] > math.log(2) + 1


def test_checkpointing_computes_the_same(policy, pairs):
    """The adapter after two epochs: every gradient of every step has gone into it."""
    kept, again = (
        train_expert(
            encoder(policy),
            pairs,
            "Rate it.",
            settings(epochs=2, rpo_alpha=1.0, gradient_checkpointing=checkpointing),
            seed=0,
        )
        for checkpointing in (False, True)
    )
    for name, tensor in kept[0].tensors.items():
        torch.testing.assert_close(again[0].tensors[name], tensor, rtol=1e-5, atol=1e-7)
    assert again[1]["loss"].tolist() == pytest.approx(kept[1]["loss"].tolist(), rel=1e-6)


def test_parts_of_a_step_make_the_step_of_the_whole(policy, pairs):
    whole, parts = (
        train_expert(
            encoder(policy),
            pairs,
            "Rate it.",
            settings(epochs=2, batch_size=4, accumulation_steps=steps),
            seed=0,
        )
        for steps in (1, 4)
    )
    assert parts[1]["step"].iloc[-1] == whole[1]["step"].iloc[-1]
    assert parts[1]["loss"].tolist() == pytest.approx(whole[1]["loss"].tolist(), rel=1e-5)
    for name, tensor in whole[0].tensors.items():
        torch.testing.assert_close(parts[0].tensors[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_stops_with_the_step(policy, pairs):
    vlm = load_vlm(policy)
    name = lora_targets(vlm.model, "language_model")[0]
    vlm.model.get_submodule(name).weight.data.fill_(float("nan"))
    with pytest.raises(
        FloatingPointError, match="not a number any more at step 1.*`dpo_training.lr`"
    ):
        train_expert(ImageEncoder(vlm, IMAGES), pairs, "Rate it.", settings(epochs=1), seed=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", 0),
        ("lr", -1.0),
        ("rpo_alpha", -0.1),
        ("targets", "tower"),
        ("accumulation_steps", 3),
    ],
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f"`dpo_training.{name}`"):
        settings(**{name: value})
