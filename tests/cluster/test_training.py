"""Workers of Ray train one expert together, and go on where one of them is lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import trained_together

from selfscore.cluster.settings import RayOptions
from selfscore.cluster.training import in_workers
from selfscore.datasets.checkpoint import Checkpoint
from selfscore.expert_training.launching import train_together
from selfscore.running.own_errors import is_our_own
from selfscore.vlm.policy import Policy

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ONE_CORE = RayOptions(workers=1, cpus=1, gpus=0)


def test_two_workers_train_as_one_process_and_one_may_be_lost(
    one_machine: None, idefics3: Policy, tmp_path: Path
) -> None:
    checkpoint, mark = Checkpoint(tmp_path / "work"), tmp_path / "mark"
    checkpoint.claim("train", "recipe")
    train = partial(train_together, trained_together.killed_once)
    adapter, log = in_workers(2, ONE_CORE, train, checkpoint, idefics3, mark, 6)
    assert mark.exists() and "latest.json" in checkpoint
    alone, log_alone = trained_together.by_pairs({}, idefics3)
    np.testing.assert_allclose(log["loss"], log_alone["loss"], rtol=1e-5, atol=1e-5)
    for name, tensor in alone.tensors.items():
        torch.testing.assert_close(adapter.tensors[name], tensor, rtol=1e-3, atol=1e-3)


def test_an_error_of_one_worker_is_the_error_of_the_run(
    one_machine: None, idefics3: Policy
) -> None:
    train = partial(train_together, trained_together.refused_by_one)
    with pytest.raises(ValueError, match="the policy differs from its reference") as caught:
        in_workers(2, ONE_CORE, train, {}, idefics3)
    assert is_our_own(caught.value)
