"""Two processes that train together do what one does, and go on where one of them is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import trained_together
from small_training import assert_same

from selfscore.datasets.checkpoint import Checkpoint
from selfscore.expert_training.launching import in_processes
from selfscore.expert_training.together import gather, is_first, joined, share_of
from selfscore.level_training.settings import VALIDATION_ERROR
from selfscore.vlm.policy import Policy


def test_alone_everything_is_its_share() -> None:
    share = share_of(5)
    assert (share.rows, share.count, share.total) == (slice(0, 5), 5, 5)
    values = torch.rand(5, 2)
    assert gather(values, share) is values


def test_every_attempt_meets_at_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # As torchrun's agent keeps one for all attempts.
    kept = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    told = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(kept.port), "RANK": "0"}
    told |= {"WORLD_SIZE": "1", "LOCAL_RANK": "0", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    places: list[set[str]] = []
    for attempt in range(2):
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", str(attempt))
        before = set(kept.list_keys())
        with joined():
            assert is_first()
        places.append({key.split("/")[0] for key in set(kept.list_keys()) - before})
    assert all(places)
    assert not places[0] & places[1]


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is there once a process was ended."""
    return tmp_path_factory.mktemp("together") / "mark"


@pytest.fixture(scope="module")
def together(idefics3: Policy, mark: Path) -> Any:
    """What two processes come to, one of which is ended in the last of three trainings."""
    checkpoint = Checkpoint(mark.with_name("work"))
    checkpoint.claim("train", "recipe")
    found = in_processes(2, trained_together.then_killed, checkpoint, idefics3, mark, 6)
    assert len(checkpoint) > 0
    return found


@pytest.mark.slow
def test_losses_and_gradients_of_two_processes_are_those_of_one(
    idefics3: Policy, together: Any
) -> None:
    alone = trained_together.with_gradients({}, idefics3)
    for (one, log, gradients), (other, log_of_two, gradients_of_two) in zip(
        alone, together[0], strict=True
    ):
        assert len(gradients) == len(gradients_of_two) == 6
        for mine, theirs in zip(gradients, gradients_of_two, strict=True):
            np.testing.assert_allclose(theirs, mine, atol=1e-5)
        assert list(log.columns) == list(log_of_two.columns)
        np.testing.assert_allclose(log_of_two["loss"], log["loss"], rtol=1e-5, atol=1e-5)
        if VALIDATION_ERROR in log:
            errors, of_two = log[VALIDATION_ERROR].dropna(), log_of_two[VALIDATION_ERROR].dropna()
            # Before the first of two cycles, and after each.
            assert len(errors) == 3
            np.testing.assert_allclose(of_two, errors, rtol=1e-5)
        np.testing.assert_allclose(log_of_two, log, rtol=1e-3, atol=1e-4)
        assert one.config == other.config


@pytest.mark.slow
def test_a_process_that_is_lost_costs_the_steps_since_the_last_checkpoint(
    together: Any, mark: Path
) -> None:
    ((adapter, log, _), _), killed = together
    assert mark.exists()
    assert_same(killed, (adapter, log))
