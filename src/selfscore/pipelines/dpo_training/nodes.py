"""The node of DPO training."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.vlm.images import ImageSource
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)


def train_expert(
    policy: Policy,
    pairs: pd.DataFrame,
    images: ImageSource,
    parameters: dict[str, Any],
    prompts: dict[str, str],
    seed: int,
    expert: str,
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert on its pairs.

    Args:
        policy: of the last round: start and reference of the training.
        pairs: the expert's preference pairs.
        images: path → image.
        parameters: settings of all experts, and under `experts` what differs for one of them.
        prompts: of which `rating` is the instruction the responses answer.
        seed: shared by all experts of a round.
        expert: whose settings apply.

    Returns:
        The expert as a LoRA over the policy, and its training log.
    """
    from selfscore.preference_optimization import training
    from selfscore.preference_optimization.settings import DPOSettings
    from selfscore.vlm.loading import load_vlm

    shared = {key: value for key, value in parameters.items() if key != "experts"}
    settings = DPOSettings(**shared | parameters["experts"].get(expert, {}))
    steps = round(settings.epochs * -(-len(pairs) // settings.batch_size))
    logger.info(
        "Training the %s expert: %d pairs, %d steps of %d, beta %g, lr %g, rank %d.",
        expert,
        len(pairs),
        steps,
        settings.batch_size,
        settings.beta,
        settings.lr,
        settings.rank,
    )
    return training.train_expert(load_vlm(policy), pairs, images, prompts["rating"], settings, seed)
