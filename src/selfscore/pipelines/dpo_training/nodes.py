"""The node of DPO training."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping

import pandas as pd

from selfscore.pipelines.training_place import train_on
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)


def train_expert(
    policy: Policy,
    pairs: pd.DataFrame,
    reference_logps: pd.DataFrame,
    images: ImageSource,
    image_features: StoredFeatures,
    settings: DPOSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert on its pairs.

    Args:
        policy: of the last round: start and reference of the training.
        pairs: the expert's preference pairs.
        reference_logps: how likely the policy finds every answer of the pairs.
        images: path → image.
        image_features: what the tower makes of them, as far as it is stored.
        settings: the expert's.
        machine: where the policy is put into memory.
        seed: shared by all experts of a round.
        checkpoint: where an earlier run of the same was stopped, see `train_adapter`.

    Returns:
        The expert as a LoRA over the policy, and its training log.
    """
    from selfscore.preference_optimization.training import train_dpo_expert

    logger.info(
        "Training on %d pairs, %d steps of %d, beta %g, lr %g, rank %d.",
        len(pairs),
        settings.steps(len(pairs)),
        settings.batch_size,
        settings.beta,
        settings.lr,
        settings.rank,
    )
    known = with_reference(pairs, reference_logps)
    return train_on(
        machine,
        train_dpo_expert,
        checkpoint,
        policy,
        images,
        image_features,
        known,
        settings,
        seed,
    )


def with_reference(pairs: pd.DataFrame, reference_logps: pd.DataFrame) -> pd.DataFrame:
    """The pairs with `ref_chosen_logps` and `ref_rejected_logps`.

    Raises:
        ValueError: the table does not know an answer of the pairs.
    """
    known = reference_logps.set_index(["path", "response"])["logp"]
    found = {
        f"ref_{side}_logps": known.reindex(
            pd.MultiIndex.from_frame(pairs[["path", side]])
        ).to_numpy()
        for side in ("chosen", "rejected")
    }
    both = pairs.assign(**found)
    unknown = both[list(found)].isna().any(axis=1)
    if unknown.any():
        path = both.loc[unknown, "path"].iloc[0]
        raise ValueError(
            f"`reference_logps` does not know the answers about '{path}' ({unknown.sum()} of "
            f"{len(both)} pairs): it was made from other pairs. Run the stage preference_building "
            "again."
        )
    return both
