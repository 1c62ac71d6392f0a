"""Trainings that processes are started for, which import them by name."""

from __future__ import annotations

import os
import signal
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import small_levels
import small_training
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from selfscore.expert_training.together import is_first
from selfscore.preference_optimization.start_check import StartCheck
from selfscore.vlm.policy import Policy

Found = tuple[Any, Any, list[torch.Tensor]]

# Eleven rows in steps of four, each in two parts: shares of two rows, of one, and of none.
SHAPE = {"epochs": 2.0, "batch_size": 4, "accumulation_steps": 2, "checkpoint_steps": 5}


def by_pairs(checkpoint: MutableMapping[str, bytes], policy: Policy) -> Any:
    """Adapter and log of an expert that learns from pairs."""
    settings = small_training.settings(**SHAPE, rpo_alpha=1.0, score_weight=2.0, stray_weight=3.0)
    return small_training.train(policy, small_training.pairs(11), settings, checkpoint)


def by_levels(checkpoint: MutableMapping[str, bytes], policy: Policy) -> Any:
    """Adapter and log of the expert of levels."""
    # Each process measures a share of the validation images at the end of each cycle.
    table = pd.concat(
        [small_levels.examples(11), small_levels.held_out([0.0, 0.5, 1.0])], ignore_index=True
    )
    settings = small_levels.settings(**SHAPE | {"epochs": 1.0, "max_cycles": 2})
    return small_levels.train(policy, table, settings, checkpoint)


def with_gradients(checkpoint: MutableMapping[str, bytes], policy: Policy) -> list[Found]:
    """Of both trainings adapter, log, and the gradients of every step."""
    found = []
    for train in (by_pairs, by_levels):
        steps: list[torch.Tensor] = []
        hook = register_optimizer_step_pre_hook(partial(_note, steps))
        adapter, log = train({}, policy)
        hook.remove()
        found.append((adapter, log, steps))
    return found


def then_killed(
    checkpoint: MutableMapping[str, bytes], policy: Policy, mark: Path, step: int
) -> tuple[list[Found], Any]:
    """`with_gradients`, then `killed_once`."""
    return with_gradients({}, policy), killed_once(checkpoint, policy, mark, step)


def killed_once(
    checkpoint: MutableMapping[str, bytes], policy: Policy, mark: Path, step: int
) -> Any:
    """`by_pairs`; before this step, the process that is not the first is ended, once."""
    steps: list[torch.Tensor] = []

    def end(*_: Any) -> None:
        steps.append(torch.empty(0))
        if len(steps) == step and not is_first() and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    hook = register_optimizer_step_pre_hook(end)
    try:
        return by_pairs(checkpoint, policy)
    finally:
        hook.remove()


def _note(steps: list[torch.Tensor], optimizer: torch.optim.Optimizer, *_: Any) -> None:
    parts = [
        parameter.grad.flatten()
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    steps.append(torch.cat(parts).clone())


def refused_by_one(checkpoint: MutableMapping[str, bytes], policy: Policy) -> Any:
    """A training that this project refuses, in the process that is not the first."""
    if is_first():
        return by_pairs(checkpoint, policy)
    return StartCheck(beta=1.0, tolerance=0.0).on_log(
        None, SimpleNamespace(global_step=1), None, {"rewards/chosen": 1.0, "rewards/rejected": 0.0}
    )
