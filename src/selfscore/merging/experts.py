"""Merges whole adapters: experts into one adapter, and that onto the policy before it.

Knows adapters and merge methods; knows nothing of how the experts were trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from selfscore.merging.delta import delta, to_lora
from selfscore.merging.methods import MERGE_METHODS
from selfscore.vlm.policy import LoraAdapter


@dataclass(frozen=True)
class MergeSettings:
    """Settings of one merge, in mergekit's terms.

    Attributes:
        method: a key of `MERGE_METHODS`.
        density: share of each expert's ΔW that is kept, per layer.
        weights: expert name → weight.
        lambda_: factor on the merged ΔW.
        rank: of the LoRA the result is stored as.
    """

    method: str
    density: float
    weights: Mapping[str, float]
    lambda_: float
    rank: int

    def __post_init__(self) -> None:
        if self.method not in MERGE_METHODS:
            raise ValueError(
                f"Unknown `merging.method` '{self.method}': choose one of {sorted(MERGE_METHODS)}."
            )
        if not 0 < self.density <= 1:
            raise ValueError(f"`merging.density` must lie in (0, 1], got {self.density}.")


def merge_adapters(
    experts: Mapping[str, LoraAdapter], settings: MergeSettings
) -> tuple[LoraAdapter, dict[str, float]]:
    """One adapter from several, over the same base, and the energy kept per layer.

    Raises:
        ValueError: an expert has no weight, or the experts do not adapt the same layers.
    """
    unweighted = sorted(set(experts) - set(settings.weights))
    if unweighted:
        raise ValueError(f"`merging.weights` names no weight for the expert '{unweighted[0]}'.")
    modules = _common_modules(experts)
    method = MERGE_METHODS[settings.method]
    weights = [settings.weights[name] for name in experts]
    merged = {
        module: settings.lambda_
        * method([delta(expert, module) for expert in experts.values()], weights, settings.density)
        for module in modules
    }
    base_model = next(iter(experts.values())).config["base_model_name_or_path"]
    return to_lora(merged, settings.rank, base_model)


def accumulate(
    parent: LoraAdapter | None, update: LoraAdapter, rank: int
) -> tuple[LoraAdapter, dict[str, float]]:
    """`update` on top of `parent` as one adapter over the base model, and the energy kept."""
    adapters = {"update": update} | ({"parent": parent} if parent else {})
    total = {
        module: torch.stack([delta(adapter, module) for adapter in adapters.values()]).sum(dim=0)
        for module in _common_modules(adapters)
    }
    return to_lora(total, rank, update.config["base_model_name_or_path"])


def _common_modules(adapters: Mapping[str, LoraAdapter]) -> list[str]:
    modules = {name: sorted(adapter.config["target_modules"]) for name, adapter in adapters.items()}
    first, *others = modules
    for other in others:
        if modules[other] != modules[first]:
            raise ValueError(
                f"The adapters '{first}' and '{other}' do not adapt the same layers, so they "
                "cannot be merged: train both on the same base model."
            )
    return modules[first]
