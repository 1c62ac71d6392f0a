"""Between a LoRA adapter and the change ΔW it makes to each layer.

Knows PEFT's tensor names; knows no merge method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from selfscore.merging.low_rank import LowRank, truncated
from selfscore.vlm.policy import LoraAdapter

_A = "base_model.model.{}.lora_A.weight"
_B = "base_model.model.{}.lora_B.weight"


def low_rank(adapter: LoraAdapter, module: str) -> LowRank:
    """ΔW = (alpha / rank) · B · A of one layer as its factors, float32, on the CPU.

    Raises:
        ValueError: the adapter has not both factors of the layer.
    """
    scale = adapter.config["lora_alpha"] / adapter.config["r"]
    try:
        left, right = adapter.tensors[_B.format(module)], adapter.tensors[_A.format(module)]
    except KeyError as missing:
        raise ValueError(
            f"The adapter is not whole: it has no tensor {missing}, though its config names the "
            "layer. Make it again."
        ) from None
    return LowRank(scale * left.detach().cpu().float(), right.detach().cpu().float())


def delta(adapter: LoraAdapter, module: str) -> Tensor:
    """ΔW = (alpha / rank) · B · A of one layer, [out, in], float32."""
    return low_rank(adapter, module).dense()


def to_lora(
    changes: Mapping[str, LowRank | Tensor], rank: int, base_model: str
) -> tuple[LoraAdapter, dict[str, float]]:
    """The best rank-`rank` LoRA of each ΔW (truncated SVD), and the energy it keeps.

    Args:
        changes: module name → ΔW [out, in].
        rank: of the new adapter.
        base_model: written into the adapter's config, for `PeftModel.from_pretrained`.

    Returns:
        The adapter, and per module the share ‖B·A‖² / ‖ΔW‖², 1.0 where ΔW is zero.
    """
    factors: dict[str, LowRank] = {}
    energy: dict[str, float] = {}
    for module, change in changes.items():
        factors[module], energy[module] = truncated(change, rank)
    return pack(factors, rank, base_model), energy


def pack(factors: Mapping[str, LowRank], rank: int, base_model: str) -> LoraAdapter:
    """The factors as one adapter with alpha = rank, so ΔW = B · A.

    Args:
        factors: module name → ΔW of rank `rank` or less; less is padded with zeros.
        rank: of the adapter.
        base_model: written into the adapter's config, for `PeftModel.from_pretrained`.
    """
    tensors: dict[str, Tensor] = {}
    for module, change in factors.items():
        kept = change.left.shape[1]
        a = torch.zeros(rank, change.right.shape[1])
        b = torch.zeros(change.left.shape[0], rank)
        a[:kept] = change.right
        b[:, :kept] = change.left
        tensors[_A.format(module)] = a
        tensors[_B.format(module)] = b
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(factors),
    }
    return LoraAdapter(config, tensors)
