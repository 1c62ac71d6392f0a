"""A training on levels learns them, begins as every expert does, and goes on exactly."""

import math
import re

import numpy as np
import pytest
import small_levels
import small_training
import torch
from cards import policy_over
from small_levels import examples, settings, train
from small_training import IMAGES, assert_same, encoder

from selfscore.expert_training.checkpoints import LATEST, latest_in
from selfscore.level_training.training import train_level_expert
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.packing_check import check_packing
from selfscore.vlm.writing.prediction import level_probabilities


def errors(policy, table, adapters=()):
    """Mean distance of the expected level, as scoring says it, from the true score."""
    levels = len(table["target"][0])
    start = ImageEncoder(load_vlm(policy, adapters), IMAGES)
    found = level_probabilities(start, list(table["path"]), "Rate it.", levels, batch_size=4)
    return np.abs(found @ np.arange(levels) - table["position"]).mean()


@pytest.mark.parametrize("levels", [10, 12])
def test_what_is_trained_is_what_scoring_says(idefics3, levels):
    table = examples(levels=levels)
    adapter, log = train(idefics3, table, settings(epochs=40, lr=1e-2))
    for part in ("divergence", "fidelity"):
        assert log[part].iloc[-1] < 0.8 * log[part].iloc[0]
    assert errors(idefics3, table, [adapter]) < 0.7 * errors(idefics3, table)


def test_the_log_has_a_row_every_few_steps_with_the_parts_of_the_loss(idefics3):
    weights = {
        "fidelity_weight": 2.0,
        "unscored_weight": 4.0,
        "text_weight": 0.5,
        "stray_weight": 3.0,
    }
    _, log = train(idefics3, examples(), settings(epochs=5, **weights))
    assert log["step"].tolist() == [1, 5, 10]
    first = log.iloc[0]
    scores = first["divergence"] + 2 * first["fidelity"] + 4 * first["unscored"]
    whole = scores + 0.5 * first["text"] + 3 * first["stray"]
    assert first["loss"] == pytest.approx(whole, rel=1e-5)


def test_the_more_its_texts_weigh_the_less_the_policy_forgets_them(idefics3):
    ends = []
    for weight in (0.01, 10.0):
        _, log = train(idefics3, examples(), settings(epochs=20, lr=1e-2, text_weight=weight))
        assert log["text"].iloc[0] == pytest.approx(0, abs=1e-6)
        ends.append(log["text"].iloc[-1])
    assert ends[1] < 0.3 * ends[0]


def test_texts_break_off_less_where_that_weighs(idefics3):
    ends = []
    for weight in (0.0, 100.0):
        _, log = train(idefics3, examples(), settings(epochs=20, lr=1e-2, stray_weight=weight))
        ends.append(log["stray"].iloc[-1] / log["stray"].iloc[0])
    assert ends[1] < 0.5 * ends[0]


def test_texts_can_be_left_out(idefics3):
    _, log = train(idefics3, examples(), settings(epochs=1, text_weight=0.0))
    assert "text" not in log
    _, log = train(idefics3, examples().assign(response=""), settings(epochs=1))
    assert "text" not in log and log["loss"].notna().all()


def test_it_starts_from_the_same_a_as_an_expert_of_pairs(idefics3):
    level, _ = train(idefics3, examples(), settings(epochs=1, lr=1e-12))
    pairs = small_training.pairs()
    scoring, _ = small_training.train(idefics3, pairs, small_training.settings(epochs=1, lr=1e-12))
    assert level.config == scoring.config
    assert level.tensors.keys() == scoring.tensors.keys()
    for name, tensor in level.tensors.items():
        if "lora_A" in name:
            torch.testing.assert_close(tensor, scoring.tensors[name], rtol=0, atol=1e-6)


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(idefics3):
    runs = [train(idefics3, examples(), settings(epochs=1), seed=seed)[0] for seed in (0, 0, 1)]
    first, again, other = (policy_over(adapter=adapter).digest for adapter in runs)
    assert first == again != other


class KilledError(BaseException):
    pass


class KilledAtCheckpoint(dict):
    def __setitem__(self, name, part):
        super().__setitem__(name, part)
        if name == LATEST:
            raise KilledError


@pytest.mark.parametrize("changes", [{}, {"batch_size": 4, "accumulation_steps": 2, "epochs": 4}])
def test_a_run_stopped_at_every_checkpoint_ends_the_same(idefics3, changes):
    """Whether the next step has its texts is known from the step alone."""
    table = examples(11)
    options = {"epochs": 2.5, "batch_size": 2, "text_every": 3, "checkpoint_steps": 5} | changes
    whole = train(idefics3, table, settings(**options | {"checkpoint_steps": 50}))
    checkpoint = KilledAtCheckpoint()
    for step in (5, 10):
        with pytest.raises(KilledError):
            train(idefics3, table, settings(**options), checkpoint)
        assert latest_in(checkpoint).step == step
    assert_same(train(idefics3, table, settings(**options), dict(checkpoint)), whole)


def test_checkpointing_computes_the_same(idefics3):
    kept, again = (
        train(idefics3, examples(), settings(epochs=2, gradient_checkpointing=on))
        for on in (False, True)
    )
    for name, tensor in kept[0].tensors.items():
        torch.testing.assert_close(again[0].tensors[name], tensor, rtol=1e-5, atol=1e-7)
    assert again[1]["loss"].tolist() == pytest.approx(kept[1]["loss"].tolist(), rel=1e-6)


def test_the_whole_model_can_be_trained(idefics3):
    adapter, log = train(idefics3, examples(), settings(epochs=1, targets="whole_model"))
    modules = adapter.config["target_modules"]
    assert any("vision_model" in name for name in modules)
    # Each by its full name, however many there are.
    assert {f"base_model.model.{name}.lora_A.weight" for name in modules} <= set(adapter.tensors)
    assert math.isfinite(log["loss"].iloc[-1])


def test_a_batch_that_does_not_fit_is_halved(idefics3, caplog):
    start, seen = encoder(idefics3), []
    check_packing(start, next(iter(start.images)), "Rate it.")

    def allocate(module, inputs, output):
        seen.append(len(output.last_hidden_state))
        if seen[-1] > 2:
            torch.empty(1 << 60, dtype=torch.uint8)

    start.vlm.model.base_model.register_forward_hook(allocate)
    options = settings(epochs=2)
    found = train_level_expert(start, examples(), "Rate it.", options, 0, {})
    assert seen[0] == 4 and set(seen[1:]) == {2}
    assert "4 images at once do not fit" in caplog.text
    assert "`level_training.accumulation_steps: 2`" in caplog.text
    assert_same(found, train(idefics3, examples(), settings(epochs=2, accumulation_steps=2)))


def test_a_loss_that_is_not_finite_stops_with_step_and_images(idefics3):
    table = examples()
    table.at[5, "target"] = [float("nan")] * 10
    with pytest.raises(FloatingPointError) as stopped:
        train(idefics3, table, settings(accumulation_steps=2))
    message = str(stopped.value)
    named = re.search(r"level loss became nan at step (\d), in the images (.*?)\. ", message)
    assert named and named[1] in "12"
    assert f"5 ({table['path'][5]})" in named[2]
    assert "`level_training.lr`" in message and "`level_examples`" in message


def test_the_model_is_given_back_as_it_was(idefics3):
    start = encoder(idefics3)
    before = {name: type(module) for name, module in start.vlm.model.named_modules()}
    train_level_expert(start, examples(), "Rate it.", settings(epochs=1), 0, {})
    assert {name: type(module) for name, module in start.vlm.model.named_modules()} == before
    assert "train" not in vars(start.vlm.model) and not start.vlm.model.training


def test_small_levels_have_texts_and_an_image_without_one():
    assert set(small_levels.examples()["response"].map(bool)) == {True, False}
