"""Several LoRA adapters as one, exactly: their ranks side by side.

Knows factors and ranks; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selfscore.vlm.policy import LoraAdapter


def concatenated(adapters: Sequence[LoraAdapter]) -> LoraAdapter:
    """One adapter whose ΔW is the sum of the adapters' ΔW; its rank is the sum of their ranks.

    A layer that an adapter leaves as it is gets zeros in that adapter's place.

    Args:
        adapters: at least one, each with lora_A [rank, in] and lora_B [out, rank] a layer.

    Raises:
        ValueError: an adapter lacks one of the two, or all of a layer that its config names.
    """
    for adapter in adapters:
        _check_whole(adapter)
    if len(adapters) == 1:
        return adapters[0]
    layers = list(
        dict.fromkeys(
            name.removesuffix(".lora_A.weight")
            for adapter in adapters
            for name in adapter.tensors
            if name.endswith(".lora_A.weight")
        )
    )
    tensors = {}
    for layer in layers:
        a, b = f"{layer}.lora_A.weight", f"{layer}.lora_B.weight"
        having = [adapter for adapter in adapters if a in adapter.tensors]
        like_a, like_b = having[0].tensors[a], having[0].tensors[b]
        downs, ups = [], []
        for adapter in adapters:
            rank = int(adapter.config["r"])
            down = adapter.tensors.get(a, like_a.new_zeros(rank, like_a.shape[1]))
            up = adapter.tensors.get(b, like_b.new_zeros(like_b.shape[0], rank))
            downs.append(down)
            ups.append(up * (adapter.config["lora_alpha"] / rank))
        tensors[a], tensors[b] = torch.cat(downs), torch.cat(ups, dim=1)
    whole = sum(int(adapter.config["r"]) for adapter in adapters)
    modules = {name for adapter in adapters for name in adapter.config["target_modules"]}
    config = adapters[0].config | {
        "r": whole,
        "lora_alpha": whole,
        "target_modules": sorted(modules),
    }
    return LoraAdapter(config, tensors)


def _check_whole(adapter: LoraAdapter) -> None:
    for module in adapter.config["target_modules"]:
        for side in "AB":
            name = f"base_model.model.{module}.lora_{side}.weight"
            if name not in adapter.tensors:
                raise ValueError(
                    f"The adapter is not whole: it has no tensor '{name}', though its config names "
                    "the layer. Take it from where it was saved, or make it again."
                )
