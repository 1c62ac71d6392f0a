"""A training goes through cycles as long as validation images gain, and gives the best one."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_levels import examples, held_out, settings, train
from small_training import assert_same
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LambdaLR
from transformers import get_cosine_schedule_with_warmup

from selfscore.expert_training.checkpoints import LATEST
from selfscore.level_training.cycles import BEST, learning_rate
from selfscore.level_training.settings import VALIDATION_ERROR


def rates(make, steps):
    """The learning rates that a scheduler gives, of a peak of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


@given(cycle=st.integers(2, 40), warmup=st.integers(0, 20), cycles=st.integers(1, 4))
def test_every_cycle_is_a_whole_training_of_transformers(cycle, warmup, cycles):
    warmup = min(warmup, cycle - 1)
    found = rates(lambda o: LambdaLR(o, lambda s: learning_rate(s, cycle, warmup)), cycle * cycles)
    one = rates(lambda o: get_cosine_schedule_with_warmup(o, warmup, cycle), cycle)
    np.testing.assert_allclose(found, one * cycles, atol=1e-12)


def test_without_a_rise_they_are_torchs_warm_restarts():
    found = rates(lambda o: LambdaLR(o, lambda s: learning_rate(s, 7, 0)), 21)
    np.testing.assert_allclose(found, rates(lambda o: CosineAnnealingWarmRestarts(o, 7), 21))


class KilledError(BaseException):
    pass


class KilledAt(dict):
    """Kills who puts in a part of this name that is not what was there, once it is there."""

    def __init__(self, name, parts):
        super().__init__(parts)
        self._name = name

    def __setitem__(self, name, part):
        new = self.get(name) != part
        super().__setitem__(name, part)
        if name == self._name and new:
            raise KilledError


def errors_of(log):
    return log.set_index("step")[VALIDATION_ERROR].dropna()


# Scores that the images trained on do not tell: with these, validation images gain for one short
# cycle, and with those for three longer ones.
LOWEST = [0.0, 0.0, 0.0]
APART = [0.0, 0.0, 9.0]
SHORT = {"epochs": 1, "lr": 1e-2, "batch_size": 4}
LONGER = {"epochs": 8, "lr": 5e-3, "batch_size": 4}


def table_with(positions):
    return pd.concat([examples(8), held_out(positions)], ignore_index=True)


def test_the_best_cycle_is_what_a_training_gives_that_ends_with_it(idefics3):
    table = table_with(APART)
    adapter, log = train(idefics3, table, settings(**LONGER, max_cycles=8))
    errors = errors_of(log)
    assert errors.index.tolist() == [0, 16, 32, 48, 64]
    assert errors[0] > errors[16] > errors[32] > errors[48] < errors[64]
    assert_adapter(adapter, train(idefics3, table, settings(**LONGER, max_cycles=3)))


def test_where_validation_images_lose_again_the_first_cycle_is_kept(idefics3):
    table = table_with(LOWEST)
    adapter, log = train(idefics3, table, settings(**SHORT, max_cycles=5))
    assert errors_of(log).index.tolist() == [0, 2, 4]
    assert log["step"].iloc[-1] == 4
    assert_adapter(adapter, train(idefics3, table, settings(**SHORT, max_cycles=1)))


def test_a_cycle_that_gains_too_little_is_not_kept(idefics3):
    """Where a cycle has to take away more of the error than the second does here."""
    table = table_with([0.0, 0.0, 5.0])
    how = {**LONGER, "max_cycles": 8}
    errors = errors_of(train(idefics3, table, settings(**how))[1])
    gains = [1 - errors[16 * n + 16] / errors[16 * n] for n in range(2)]
    assert gains[0] > gains[1] > 0
    least = (gains[0] + gains[1]) / 2
    adapter, log = train(idefics3, table, settings(**how, min_gain=least))
    assert errors_of(log).index.tolist() == [0, 16, 32]
    assert log["kept_step"].dropna().tolist() == [0, 16, 16]
    assert_adapter(adapter, train(idefics3, table, settings(**LONGER, max_cycles=1)))


# Steps so long that validation images lose by them.
TOO_FAR = SHORT | {"lr": 0.1}


def test_where_no_cycle_gains_the_policy_stays_as_it_was(idefics3, caplog):
    caplog.set_level(logging.INFO)
    adapter, log = train(idefics3, table_with(LOWEST), settings(**TOO_FAR, max_cycles=5))
    errors = errors_of(log)
    assert errors.index.tolist() == [0, 2]
    assert errors[0] < errors[2]
    assert "Of 1 cycles none is kept" in caplog.text
    ends = [tensor for name, tensor in adapter.tensors.items() if name.endswith("lora_B.weight")]
    assert ends and not any(tensor.any() for tensor in ends)


def test_a_run_stopped_before_any_cycle_gains_ends_the_same(idefics3):
    """The error before the first cycle is that of the policy, not of what the run goes on from."""
    table = table_with(LOWEST)
    how = settings(**TOO_FAR | {"epochs": 4}, max_cycles=3, checkpoint_steps=5)
    whole = train(idefics3, table, how)
    stopped = KilledAt(LATEST, {})
    with pytest.raises(KilledError):
        train(idefics3, table, how, stopped)
    assert_same(train(idefics3, table, how, dict(stopped)), whole)


def test_one_cycle_looks_at_no_validation_image(idefics3):
    found = train(idefics3, table_with(LOWEST), settings(**SHORT, max_cycles=1))
    assert VALIDATION_ERROR not in found[1]
    assert_same(found, train(idefics3, examples(8), settings(**SHORT, max_cycles=1)))


def test_validation_images_are_not_learnt_from(idefics3):
    """What is trained does not depend on them, but for its length."""
    some, others = (
        train(idefics3, table_with(positions), settings(**SHORT, max_cycles=2))[1]
        for positions in (LOWEST, APART)
    )
    # Exactly, and that of step 0, where nothing is learnt, is no number in both.
    pd.testing.assert_series_equal(some["loss"], others["loss"], check_exact=True)
    assert errors_of(some).tolist() != errors_of(others).tolist()


# Seven steps a cycle: a checkpoint at 5 of the first, at 10 and 15, …
LONG = {"epochs": 2.5, "batch_size": 4, "lr": 2e-3, "max_cycles": 4, "checkpoint_steps": 5}


@pytest.mark.parametrize("part", [LATEST, BEST])
def test_a_run_stopped_again_and_again_ends_the_same(idefics3, part):
    """After a checkpoint, and between the end of a cycle and the next checkpoint."""
    table = pd.concat([examples(9), held_out([0.0, 0.0])], ignore_index=True)
    whole = train(idefics3, table, settings(**LONG | {"checkpoint_steps": 50}))
    assert len(errors_of(whole[1])) > 2
    kept, killed, found = {}, 0, None
    while found is None:
        stopped = KilledAt(part, kept)
        try:
            found = train(idefics3, table, settings(**LONG), stopped)
        except KilledError:
            kept, killed = dict(stopped), killed + 1
    assert killed >= 2
    assert_same(found, whole)


def test_a_checkpoint_without_its_best_adapter_is_refused(idefics3):
    table = pd.concat([examples(9), held_out([0.0, 0.0])], ignore_index=True)
    checkpoint = {}
    for _ in range(2):
        stopped = KilledAt(LATEST, checkpoint)
        with pytest.raises(KilledError):
            train(idefics3, table, settings(**LONG), stopped)
        checkpoint = dict(stopped)
    del checkpoint[BEST]
    with pytest.raises(ValueError, match=r"lost the adapter of its best cycle.*`checkpoints`"):
        train(idefics3, table, settings(**LONG), checkpoint)


def assert_adapter(adapter, found):
    other, _ = found
    assert adapter.config == other.config
    for name, tensor in adapter.tensors.items():
        torch.testing.assert_close(tensor, other.tensors[name], rtol=0, atol=0)
