"""Merges whole adapters: experts into one adapter, and that onto the policy before it.

Knows adapters and merge methods; knows nothing of how the experts were trained.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from selfscore.merging.delta import low_rank, pack, to_lora
from selfscore.merging.low_rank import LowRank, no_change, summed, truncated
from selfscore.merging.methods import MERGE_METHODS
from selfscore.merging.randomness import seeded
from selfscore.merging.settings import MergeSettings
from selfscore.running.bar import Bar
from selfscore.vlm.policy import LoraAdapter


def merge_adapters(
    experts: Mapping[str, LoraAdapter], settings: MergeSettings, seed: int
) -> tuple[LoraAdapter, dict[str, float]]:
    """One adapter from several, over the same base, and the energy kept per layer.

    It is the merge at strength 1; `scaled` makes another strength of it.

    Layer by layer: a dense ΔW lives no longer than the merge of its own layer. Where one expert
    adapts more layers than another, the other changes them by nothing: ΔW = 0.

    Args:
        experts: expert name → adapter.
        settings: of the merge; every expert has a weight in it.
        seed: of the random drops; a layer's draws depend on it and on the layer's name only.

    Raises:
        ValueError: an expert has no weight, all of them weigh nothing, an expert's tensors are not
            finite, or the experts are of different base models.
    """
    _check_weights(experts, settings.weights)
    factors: dict[str, LowRank] = {}
    energy: dict[str, float] = {}
    for module, shape in Bar(_layers(experts).items(), desc="merging", unit=" layers"):
        factors[module], energy[module] = truncated(
            _merged(experts, module, shape, settings, seed), settings.rank
        )
    base_model = next(iter(experts.values())).config["base_model_name_or_path"]
    return pack(factors, settings.rank, base_model), energy


def scaled(adapter: LoraAdapter, strength: float) -> LoraAdapter:
    """The adapter with every ΔW times `strength`; at 1 the same to the bit."""
    tensors = {
        name: tensor * strength if name.endswith(".lora_B.weight") else tensor
        for name, tensor in adapter.tensors.items()
    }
    return LoraAdapter(adapter.config, tensors)


def accumulate(
    parent: LoraAdapter | None, update: LoraAdapter, rank: int
) -> tuple[LoraAdapter, dict[str, float]]:
    """`update` on top of `parent` as one adapter over the base model, and the energy kept.

    Raises:
        ValueError: they are of different base models.
    """
    adapters = {"update": update} | ({"parent": parent} if parent else {})
    total = {
        module: summed(
            [low_rank(adapter, module) for adapter in adapters.values() if _adapts(adapter, module)]
        )
        for module in _layers(adapters)
    }
    return to_lora(total, rank, update.config["base_model_name_or_path"])


def _merged(
    experts: Mapping[str, LoraAdapter],
    module: str,
    shape: tuple[int, int],
    settings: MergeSettings,
    seed: int,
) -> LowRank | Tensor:
    changes = []
    for name, expert in experts.items():
        change = low_rank(expert, module) if _adapts(expert, module) else no_change(shape)
        if not (change.left.isfinite().all() and change.right.isfinite().all()):
            raise ValueError(
                f"The expert '{name}' has values that are not finite in '{module}': its training "
                "diverged. Train it again with a lower `dpo_training.lr`."
            )
        changes.append(change)
    weights = [settings.weights[name] for name in experts]
    with seeded(f"{seed} {module}"):
        return MERGE_METHODS[settings.method](changes, weights, settings)


def _check_weights(experts: Mapping[str, LoraAdapter], weights: Mapping[str, float]) -> None:
    unweighted = sorted(set(experts) - set(weights))
    if unweighted:
        raise ValueError(f"`merging.weights` names no weight for the expert '{unweighted[0]}'.")
    if not any(weights[name] for name in experts):
        raise ValueError(
            f"`merging.weights` are all zero for {', '.join(experts)}: give one of them a weight."
        )


def _layers(adapters: Mapping[str, LoraAdapter]) -> dict[str, tuple[int, int]]:
    """The layers that any of the adapters changes, and their shapes (out, in), sorted by name.

    `dpo_training.targets` decides how many layers an adapter has, so of two adapters over one base
    model, one has all layers of the other.
    """
    found = {
        name: {module: low_rank(adapter, module).shape for module in _modules(adapter)}
        for name, adapter in adapters.items()
    }
    most = max(found, key=lambda name: len(found[name]))
    for name, layers in found.items():
        if not layers.items() <= found[most].items():
            raise ValueError(
                f"The adapters '{most}' and '{name}' are of different base models: their layers "
                "differ in name or size, so they cannot be merged. Train both on the same model."
            )
    return dict(sorted(found[most].items()))


def _modules(adapter: LoraAdapter) -> list[str]:
    return list(adapter.config["target_modules"])


def _adapts(adapter: LoraAdapter, module: str) -> bool:
    return module in _modules(adapter)
