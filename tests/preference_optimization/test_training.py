import math
import re
from dataclasses import replace
from typing import get_args

import pytest
import small_training
import torch
from cards import policy_over
from small_training import assert_same, encoder, settings, train, weighed

from selfscore.expert_training.checkpoints import Latest, latest_in
from selfscore.expert_training.targets import lora_targets
from selfscore.preference_optimization.settings import Loss
from selfscore.preference_optimization.training import train_dpo_expert
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.packing_check import check_packing


@pytest.fixture(scope="module")
def pairs():
    return small_training.pairs()


def test_training_prefers_the_chosen_and_starts_at_log_two(policy, pairs):
    adapter, log = train(policy, pairs, settings())
    assert log["loss"].iloc[0] == pytest.approx(math.log(2), abs=1e-4)
    assert log["rewards/margins"].iloc[-1] > 0.3
    assert log["rewards/accuracies"].iloc[-1] == 1.0
    assert log["step"].is_monotonic_increasing
    names = lora_targets(load_vlm(policy).model, "language_model")
    assert adapter.config["target_modules"] == sorted(names)
    assert len(adapter.tensors) == 2 * len(names)


def test_the_log_says_how_many_steps_there_were(idefics3):
    """Also where the last one is none of every five."""
    table = weighed(idefics3, small_training.pairs(4))
    log = train(idefics3, table, settings(epochs=3, batch_size=2))[1]
    assert log["step"].tolist() == [1, 5, 6]


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(policy, pairs):
    short = settings(epochs=1)
    runs = [train(policy, pairs, short, seed=seed)[0] for seed in (0, 0, 1)]
    first, again, other = (policy_over(adapter=adapter).digest for adapter in runs)
    assert first == again
    assert first != other


def test_experts_of_one_seed_start_from_the_same_a(policy, pairs):
    swapped = pairs.rename(columns={"chosen": "rejected", "rejected": "chosen"})
    still = settings(epochs=1, lr=1e-12)
    one, two = (train(policy, table, still)[0] for table in (pairs, swapped))
    for key, tensor in one.tensors.items():
        if "lora_A" in key:
            torch.testing.assert_close(tensor, two.tensors[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize("loss", get_args(Loss))
def test_every_loss_that_may_be_set_trains(idefics3, loss):
    """Each in one step, so that none asks for something that cannot be set."""
    table = weighed(idefics3, small_training.pairs(4))
    adapter, log = train(idefics3, table, settings(loss_type=loss, epochs=1, rpo_alpha=0.1))
    assert len(log) == 1 and math.isfinite(log["loss"].iloc[0])
    assert all(tensor.isfinite().all() for tensor in adapter.tensors.values())


def test_a_loss_that_needs_what_cannot_be_set_is_refused_with_the_settings():
    with pytest.raises(ValueError, match="loss_type"):
        settings(loss_type="exo_pair")


def test_rpo_alpha_adds_the_likelihood_of_the_chosen(policy, pairs):
    _, log = train(policy, pairs, settings(rpo_alpha=1.0, epochs=1))
    assert log["loss"].iloc[0] > math.log(2) + 1


def test_checkpointing_computes_the_same(policy, pairs):
    """The adapter after two epochs: every gradient of every step has gone into it."""
    kept, again = (
        train(
            policy, pairs, settings(epochs=2, rpo_alpha=1.0, gradient_checkpointing=checkpointing)
        )
        for checkpointing in (False, True)
    )
    for name, tensor in kept[0].tensors.items():
        torch.testing.assert_close(again[0].tensors[name], tensor, rtol=1e-5, atol=1e-7)
    assert again[1]["loss"].tolist() == pytest.approx(kept[1]["loss"].tolist(), rel=1e-6)


def test_parts_of_a_step_make_the_step_of_the_whole(policy, pairs):
    whole, parts = (
        train(policy, pairs, settings(epochs=2, batch_size=4, accumulation_steps=steps))
        for steps in (1, 4)
    )
    assert parts[1]["step"].iloc[-1] == whole[1]["step"].iloc[-1]
    assert parts[1]["loss"].tolist() == pytest.approx(whole[1]["loss"].tolist(), rel=1e-5)
    for name, tensor in whole[0].tensors.items():
        torch.testing.assert_close(parts[0].tensors[name], tensor, rtol=1e-3, atol=1e-5)


def test_a_loss_that_is_not_finite_stops_with_step_and_pairs(idefics3, pairs):
    known = weighed(idefics3, pairs)
    known.loc[5, "ref_chosen_logps"] = float("inf")
    with pytest.raises(FloatingPointError) as stopped:
        train(idefics3, known, settings(accumulation_steps=2))
    message = str(stopped.value)
    named = re.search(r"loss became inf at step (\d), in the pairs (.*?)\. ", message)
    assert named and named[1] in "12"
    in_part = named[2].split(", ")
    assert len(in_part) == 2 and f"5 ({known['path'][5]})" in in_part
    assert "`dpo_training.lr`" in message


def test_a_gradient_that_is_not_finite_stops_at_its_step_and_keeps_the_checkpoint(idefics3, pairs):
    class BreaksAtStep7(torch.autograd.Function):
        backwards = 0

        @staticmethod
        def forward(ctx, hidden):
            return hidden.clone()

        @staticmethod
        def backward(ctx, gradient):
            BreaksAtStep7.backwards += 1
            return gradient * (float("nan") if BreaksAtStep7.backwards == 7 else 1)

    def through(module, inputs, output):
        output.last_hidden_state = BreaksAtStep7.apply(output.last_hidden_state)

    start, checkpoint = encoder(idefics3), {}
    start.vlm.model.base_model.register_forward_hook(through)
    with pytest.raises(FloatingPointError) as stopped:
        train_dpo_expert(
            start,
            weighed(idefics3, pairs),
            "Rate it.",
            settings(checkpoint_steps=5),
            0,
            checkpoint,
        )
    assert "gradient became nan at step 7, in the pairs" in str(stopped.value)
    assert str(stopped.value).count("(") == 4
    assert latest_in(checkpoint) == Latest(step=5, accumulation_steps=1)


def with_memory_for(fits, seen, policy):
    """A model that asks torch for more memory than there is where `fits(rows, call)` is False.

    `seen` gets the rows of each call.
    """
    start = encoder(policy)
    check_packing(start, next(iter(start.images)), "Rate it.")

    def allocate(module, inputs, output):
        rows = output.last_hidden_state.shape[0]
        seen.append(rows)
        if not fits(rows, len(seen)):
            torch.empty(1 << 60, dtype=torch.uint8)

    start.vlm.model.base_model.register_forward_hook(allocate)
    return start


def test_a_batch_that_does_not_fit_is_halved(idefics3, pairs, caplog):
    """From the first step on: bit for bit as if it had begun with so many parts."""
    table = weighed(idefics3, small_training.pairs(11))
    options = settings(epochs=2.5, checkpoint_steps=5, rpo_alpha=1.0)
    seen = []
    start = with_memory_for(lambda rows, call: rows == 1, seen, idefics3)
    before = {name: type(module) for name, module in start.vlm.model.named_modules()}
    adapter, log = train_dpo_expert(start, table, "Rate it.", options, 0, {})
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert "4 pairs at once do not fit" in warnings[0]
    assert "`dpo_training.accumulation_steps: 4`" in warnings[1]
    assert seen[:2] == [4, 2] and set(seen[2:]) == {1}
    begun, begun_log = train(idefics3, table, replace(options, accumulation_steps=4))
    assert_same((adapter, log), (begun, begun_log))
    # The model is given back as it was.
    assert {name: type(module) for name, module in start.vlm.model.named_modules()} == before
    assert "forward" not in vars(start.vlm.model)


def test_memory_that_runs_out_later_costs_the_steps_since_the_checkpoint(idefics3, pairs, caplog):
    table = weighed(idefics3, pairs)
    options = settings(epochs=6, checkpoint_steps=5)
    seen, checkpoint = [], {}
    start = with_memory_for(lambda rows, call: call < 8 or rows < 4, seen, idefics3)
    with caplog.at_level("INFO"):
        adapter, log = train_dpo_expert(start, table, "Rate it.", options, 0, checkpoint)
    assert seen == [4] * 8 + [2] * 2 * 7
    assert "go through the model in 2 parts of 2" in caplog.text
    assert "goes on after step 5" in caplog.text
    assert latest_in(checkpoint) == Latest(step=10, accumulation_steps=2)
    whole, whole_log = train(idefics3, table, options)
    assert log["step"].tolist() == whole_log["step"].tolist()
    assert log["loss"].tolist() == pytest.approx(whole_log["loss"].tolist(), rel=1e-5)
    for name, tensor in whole.tensors.items():
        torch.testing.assert_close(adapter.tensors[name], tensor, rtol=1e-3, atol=1e-5)


def test_one_pair_that_does_not_fit_is_an_error_with_remedies(idefics3, pairs):
    seen = []
    start = with_memory_for(lambda rows, call: False, seen, idefics3)
    table = weighed(idefics3, pairs)
    options = settings(batch_size=6, accumulation_steps=2)
    with pytest.raises(MemoryError, match="One pair alone.*`dpo_training.gradient_checkpointing`"):
        train_dpo_expert(start, table, "Rate it.", options, 0, {})
    assert seen == [3, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", 0),
        ("lr", -1.0),
        ("rpo_alpha", -0.1),
        ("targets", "tower"),
        ("accumulation_steps", 3),
        ("checkpoint_steps", 7),
    ],
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        settings(**{name: value})
