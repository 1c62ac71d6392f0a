"""Adapters folded into the weights that they were trained for.

Without PEFT, which takes longer to import than an image takes to score: a plain LoRA over linear
layers is one sum. Knows factors and weights; knows no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from selfscore.vlm.policy import LoraAdapter

_A, _B = "base_model.model.{}.lora_A.weight", "base_model.model.{}.lora_B.weight"


@torch.no_grad()
def fold(model: nn.Module, adapter: LoraAdapter) -> None:
    """Add the adapter's ΔW = (alpha / rank) · B · A to the weights it was trained for, in place.

    The same operations in the same order as PEFT's, so the weights are the same to the last bit.

    Args:
        model: that the adapter is over.
        adapter: a plain LoRA.

    Raises:
        ValueError: as `check_belongs`.
    """
    check_belongs(model, adapter)
    scale = adapter.config["lora_alpha"] / adapter.config["r"]
    for name in adapter.config["target_modules"]:
        weight: Any = model.get_submodule(name).weight
        down, up = (adapter.tensors[side.format(name)].to(weight.device) for side in (_A, _B))
        weight += (up.float() @ down.float()) * scale


def check_belongs(model: nn.Module, adapter: LoraAdapter) -> None:
    """Refuse an adapter that is not over this model.

    Raises:
        ValueError: the adapter has tensors for other layers than the model, or of other sizes; or
            it lacks some of those that its config asks for.
    """
    rank = adapter.config["r"]
    layers = dict(model.named_modules())
    expected: dict[str, tuple[int, ...]] = {}
    for name in adapter.config["target_modules"]:
        # A layer that is not there has no size, and so no tensor that fits.
        layer: Any = layers.get(name)
        linear = isinstance(layer, torch.nn.Linear)
        expected[_A.format(name)] = (rank, layer.in_features) if linear else ()
        expected[_B.format(name)] = (layer.out_features, rank) if linear else ()
    there = {name: tuple(tensor.shape) for name, tensor in adapter.tensors.items()}
    if missing := sorted(expected.keys() - there.keys()):
        raise ValueError(
            f"The adapter is not whole: {len(missing)} of its {len(expected)} tensors are missing, "
            f"such as '{missing[0]}'. Take it from where it was saved, or make it again."
        )
    if other := sorted(name for name in there if there[name] != expected.get(name)):
        raise ValueError(
            f"The adapter does not belong to this base model: no module, or one of another size, "
            f"for '{other[0]}'. Load it on the base model its policy.json names."
        )
