"""Nodes of merging: experts → one adapter → the next policy."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from selfscore.merging.settings import MergeSettings
from selfscore.settings_class import as_parameters
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)


def merge_experts(
    settings: MergeSettings, seed: int, **experts: LoraAdapter
) -> tuple[LoraAdapter, dict[str, float]]:
    """Merge the round's experts.

    Args:
        settings: of the merge.
        seed: of the methods that drop at random.
        experts: expert name → adapter over the last round's policy.

    Returns:
        The merged adapter over the last round's policy, and layer → share of the merged ΔW's
        energy that its rank keeps.
    """
    from selfscore.merging.experts import merge_adapters

    logger.info("Merging %s by %s.", " and ".join(experts), settings.method)
    adapter, energy = merge_adapters(experts, settings, seed)
    mean = sum(energy.values()) / len(energy)
    logger.info("Rank %d keeps %.1f %% of the merged energy.", settings.rank, 100 * mean)
    return adapter, energy


def update_policy(
    policy: Policy,
    merged_adapter: LoraAdapter,
    merged_energy: dict[str, float],
    settings: MergeSettings,
) -> tuple[Policy, dict[str, Any]]:
    """Put the merged adapter on the policy: one adapter over the base model, and its card.

    Args:
        policy: the last round's.
        merged_adapter: Output of `merge_experts`.
        merged_energy: Output of `merge_experts`.
        settings: of the merge.

    Returns:
        The next policy, and what came of the merge for those who need no tensors: the policy's
        digest, and the share of the merged ΔW's energy kept, energy_kept (mean) and
        energy_kept_per_layer.
    """
    from selfscore.merging.experts import accumulate

    adapter, energy = accumulate(policy.adapter, merged_adapter, settings.rank)
    kept = sum(energy.values()) / len(energy)
    logger.info("Rank %d keeps %.1f %% of the policy's energy.", settings.rank, 100 * kept)
    card = replace(
        policy.card,
        iteration=policy.card.iteration + 1,
        parent=policy.digest,
        merging=as_parameters(settings),
        energy_kept=kept,
    )
    merged = replace(policy, card=card, adapter=adapter)
    return merged, {
        "digest": merged.digest,
        "energy_kept": sum(merged_energy.values()) / len(merged_energy),
        "energy_kept_per_layer": merged_energy,
    }
