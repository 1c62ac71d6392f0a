"""Nodes of merging: experts → one adapter → the next policy."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pandas as pd

from selfscore.configuration.settings_class import as_parameters
from selfscore.merging.settings import MergeSettings
from selfscore.pipelines.merging.strength import strength_of
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)

# Share of the energy above which nothing is said of what a cut to the rank lost.
_LITTLE_LOST = 0.999


def merge_experts(
    settings: MergeSettings, seed: int, **experts: LoraAdapter
) -> tuple[LoraAdapter, dict[str, float]]:
    """Merge the round's experts.

    Args:
        settings: of the merge.
        seed: of the methods that drop at random.
        experts: expert name → adapter over the last round's policy.

    Returns:
        The merge at strength 1 over the last round's policy, and layer → share of the merged ΔW's
        energy that its rank keeps.
    """
    from selfscore.merging.experts import merge_adapters

    logger.info("Merging %s by %s.", " and ".join(experts), settings.method)
    adapter, energy = merge_adapters(experts, settings, seed)
    mean = sum(energy.values()) / len(energy)
    if mean < _LITTLE_LOST:
        logger.info("Rank %d keeps %.1f %% of the merged energy.", settings.rank, 100 * mean)
    return adapter, energy


def update_policy(
    policy: Policy,
    merged_adapter: LoraAdapter,
    merged_energy: dict[str, float],
    merge_strength: pd.DataFrame,
    settings: MergeSettings,
) -> tuple[Policy, dict[str, Any]]:
    """Put the merged adapter on the policy: one adapter over the base model, and its card.

    Args:
        policy: the last round's.
        merged_adapter: Output of `merge_experts`.
        merged_energy: Output of `merge_experts`.
        merge_strength: Output of `choose_strength`.
        settings: of the merge.

    Returns:
        The next policy, and what came of the merge for those who need no tensors: the policy's
        digest, lambda, the share of the merged ΔW's energy kept, energy_kept (mean) and
        energy_kept_per_layer, and, where the strength was looked for, strengths: a record each.
    """
    from selfscore.merging.experts import accumulate, scaled

    strength = strength_of(merge_strength)
    update = scaled(merged_adapter, strength)
    adapter, energy = accumulate(policy.adapter, update, settings.rank)
    kept = sum(energy.values()) / len(energy)
    if kept < _LITTLE_LOST:
        logger.info("Rank %d keeps %.1f %% of the policy's energy.", settings.rank, 100 * kept)
    card = replace(
        policy.card,
        iteration=policy.card.iteration + 1,
        parent=policy.digest,
        merging=_as_made(settings, strength),
        energy_kept=kept,
    )
    if policy.revision is not None:
        # What PEFT loads a base model of the hub by.
        adapter = replace(adapter, config={**adapter.config, "revision": policy.revision})
    merged = replace(policy, card=card, adapter=adapter)
    return merged, {
        "digest": merged.digest,
        "lambda": strength,
        "strengths": _records(merge_strength) if settings.lambda_ == "auto" else [],
        "energy_kept": sum(merged_energy.values()) / len(merged_energy),
        "energy_kept_per_layer": merged_energy,
    }


def _as_made(settings: MergeSettings, strength: float) -> dict[str, Any]:
    """The settings of the merge as the card tells them: with the strength that was taken."""
    settings_ = as_parameters(settings)
    return {name: value for name, value in settings_.items() if name != "strength"} | {
        "lambda": strength
    }


def _records(merge_strength: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what was not measured."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in merge_strength.astype(object).to_dict("records")
    ]
