"""Where an expert is trained: in this process, in several of this machine, or in workers of Ray."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

import pandas as pd

from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import LoadOptions, Machine
from selfscore.vlm.policy import LoraAdapter, Policy

Trained = tuple[LoraAdapter, pd.DataFrame]


def train_on(
    machine: Machine,
    train: Callable[..., Trained],
    checkpoint: MutableMapping[str, bytes],
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    rows: pd.DataFrame,
    settings: Any,
    seed: int,
) -> Trained:
    """The expert that `train` makes over a policy, and its training log.

    Args:
        machine: says where, and in how many processes.
        train: a function of a module: takes an `ImageEncoder` with the policy, the rows, the
            instruction that is rated by, settings, seed and checkpoint.
        checkpoint: of the training.
        policy: start of the training; each process loads it.
        images: path → image.
        image_features: what the tower makes of them, as far as it is stored.
        rows: that are learnt from.
        settings: of the training.
        seed: of the training.
    """
    task = partial(_train, train)
    given = (policy, machine.loading, images, image_features, rows, settings, seed)
    if machine.engine == "ray":
        from selfscore.cluster.training import in_workers
        from selfscore.expert_training.launching import train_together

        together = partial(train_together, task)
        return in_workers(machine.training_processes, machine.ray, together, checkpoint, *given)
    if machine.training_processes > 1:
        from selfscore.expert_training.launching import in_processes

        return in_processes(machine.training_processes, task, checkpoint, *given)
    return task(checkpoint, *given)


def _train(
    train: Callable[..., Trained],
    checkpoint: MutableMapping[str, bytes],
    policy: Policy,
    loading: LoadOptions,
    images: ImageSource,
    image_features: StoredFeatures,
    rows: pd.DataFrame,
    settings: Any,
    seed: int,
) -> Trained:
    """What each of the processes does."""
    from selfscore.vlm.loading.loader import load_vlm
    from selfscore.vlm.reading.features import ImageEncoder

    encoder = ImageEncoder(load_vlm(policy, options=loading), images, image_features)
    return train(encoder, rows, policy.card.prompts.rating, settings, seed, checkpoint)
