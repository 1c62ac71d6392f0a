"""Merges whole adapters: experts into one adapter, and that onto the policy before it.

Knows adapters and merge methods; knows nothing of how the experts were trained.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from tqdm import tqdm

from selfscore.merging.delta import low_rank, pack, to_lora
from selfscore.merging.low_rank import LowRank, summed, truncated
from selfscore.merging.methods import MERGE_METHODS
from selfscore.merging.randomness import seeded
from selfscore.merging.settings import MergeSettings
from selfscore.vlm.policy import LoraAdapter


def merge_adapters(
    experts: Mapping[str, LoraAdapter], settings: MergeSettings, seed: int
) -> tuple[LoraAdapter, dict[str, float]]:
    """One adapter from several, over the same base, and the energy kept per layer.

    Layer by layer: a dense ΔW lives no longer than the merge of its own layer.

    Args:
        experts: expert name → adapter.
        settings: of the merge; every expert has a weight in it.
        seed: of the random drops; a layer's draws depend on it and on the layer's name only.

    Raises:
        ValueError: an expert has no weight, all of them weigh nothing, an expert's tensors are not
            finite, or the experts do not adapt the same layers.
    """
    _check_weights(experts, settings.weights)
    factors: dict[str, LowRank] = {}
    energy: dict[str, float] = {}
    for module in tqdm(_common_modules(experts), desc="merging", unit=" layers"):
        factors[module], energy[module] = truncated(
            _merged(experts, module, settings, seed), settings.rank
        )
    base_model = next(iter(experts.values())).config["base_model_name_or_path"]
    return pack(factors, settings.rank, base_model), energy


def accumulate(
    parent: LoraAdapter | None, update: LoraAdapter, rank: int
) -> tuple[LoraAdapter, dict[str, float]]:
    """`update` on top of `parent` as one adapter over the base model, and the energy kept."""
    adapters = {"update": update} | ({"parent": parent} if parent else {})
    total = {
        module: summed([low_rank(adapter, module) for adapter in adapters.values()])
        for module in _common_modules(adapters)
    }
    return to_lora(total, rank, update.config["base_model_name_or_path"])


def _merged(
    experts: Mapping[str, LoraAdapter], module: str, settings: MergeSettings, seed: int
) -> LowRank | Tensor:
    changes = []
    for name, expert in experts.items():
        change = low_rank(expert, module)
        if not (change.left.isfinite().all() and change.right.isfinite().all()):
            raise ValueError(
                f"The expert '{name}' has values that are not finite in '{module}': its training "
                "diverged. Train it again with a lower `dpo_training.lr`."
            )
        changes.append(change)
    weights = [settings.weights[name] for name in experts]
    with seeded(f"{seed} {module}"):
        merged = MERGE_METHODS[settings.method](changes, weights, settings)
    if isinstance(merged, LowRank):
        return LowRank(settings.lambda_ * merged.left, merged.right)
    return merged.mul_(settings.lambda_)


def _check_weights(experts: Mapping[str, LoraAdapter], weights: Mapping[str, float]) -> None:
    unweighted = sorted(set(experts) - set(weights))
    if unweighted:
        raise ValueError(f"`merging.weights` names no weight for the expert '{unweighted[0]}'.")
    if not any(weights[name] for name in experts):
        raise ValueError(
            f"`merging.weights` are all zero for {', '.join(experts)}: give one of them a weight."
        )


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
