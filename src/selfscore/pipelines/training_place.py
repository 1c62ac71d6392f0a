"""Where an expert is trained: in this process, in several of this machine, or in workers of Ray."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, TypeVar

from selfscore.vlm.options import Machine

Result = TypeVar("Result")


def train_on(
    machine: Machine,
    train: Callable[..., Result],
    checkpoint: MutableMapping[str, bytes],
    *arguments: Any,
) -> Result:
    """What `train(checkpoint, *arguments)` returns.

    Args:
        machine: says where, and in how many processes.
        train: a function of a module, which loads the policy itself.
        checkpoint: of the training.
        arguments: further ones.
    """
    if machine.engine == "ray":
        from selfscore.cluster.training import in_workers
        from selfscore.expert_training.launching import train_together

        together = partial(train_together, train)
        return in_workers(machine.training_processes, machine.ray, together, checkpoint, *arguments)
    if machine.training_processes > 1:
        from selfscore.expert_training.launching import in_processes

        return in_processes(machine.training_processes, train, checkpoint, *arguments)
    return train(checkpoint, *arguments)
