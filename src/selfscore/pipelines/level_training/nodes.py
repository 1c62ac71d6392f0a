"""The node of the training on levels."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping

import pandas as pd

from selfscore.level_training.settings import LevelSettings
from selfscore.pipelines.training_place import train_on
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)


def train_level(
    policy: Policy,
    level_examples: pd.DataFrame,
    images: ImageSource,
    image_features: StoredFeatures,
    settings: LevelSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train the expert on the true scores.

    Args:
        policy: of the last round, from which the training starts.
        level_examples: the training images, their levels and texts, and the validation images.
        images: path → image.
        image_features: what the tower makes of them, as far as it is stored.
        settings: of the training.
        machine: where the policy is put into memory.
        seed: shared by all experts of a round.
        checkpoint: where an earlier run of the same was stopped, see `train_adapter`.

    Returns:
        The expert as a LoRA over the policy, and its training log.
    """
    from selfscore.level_training.training import train_level_expert

    images_learnt = int((level_examples["split"] == "train").sum())
    logger.info(
        "Training on the levels of %d images, at most %d cycles of %d steps of %d, lr %g, rank %d.",
        images_learnt,
        settings.max_cycles,
        settings.cycle(images_learnt),
        settings.batch_size,
        settings.lr,
        settings.rank,
    )
    return train_on(
        machine,
        train_level_expert,
        checkpoint,
        policy,
        images,
        image_features,
        level_examples,
        settings,
        seed,
    )
