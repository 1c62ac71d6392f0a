"""Between a LoRA adapter and the change ΔW it makes to each layer.

Knows PEFT's tensor names and singular values; knows no merge method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from selfscore.vlm.policy import LoraAdapter

_A = "base_model.model.{}.lora_A.weight"
_B = "base_model.model.{}.lora_B.weight"


def delta(adapter: LoraAdapter, module: str) -> Tensor:
    """ΔW = (alpha / rank) · B · A of one layer, [out, in], float32."""
    scale = adapter.config["lora_alpha"] / adapter.config["r"]
    return scale * (
        adapter.tensors[_B.format(module)].float() @ adapter.tensors[_A.format(module)].float()
    )


def to_lora(
    deltas: Mapping[str, Tensor], rank: int, base_model: str
) -> tuple[LoraAdapter, dict[str, float]]:
    """The best rank-`rank` LoRA of each ΔW (truncated SVD), and the energy it keeps.

    Args:
        deltas: module name → ΔW [out, in].
        rank: of the new adapter; layers smaller than it are padded with zeros.
        base_model: written into the adapter's config, for `PeftModel.from_pretrained`.

    Returns:
        The adapter with alpha = rank, so ΔW = B · A; and per module the share ‖B·A‖² / ‖ΔW‖²,
        1.0 where ΔW is zero.
    """
    tensors: dict[str, Tensor] = {}
    energy: dict[str, float] = {}
    for module, change in deltas.items():
        u, s, vt = torch.linalg.svd(change.double(), full_matrices=False)
        kept = min(rank, len(s))
        total = float(s.square().sum())
        energy[module] = float(s[:kept].square().sum()) / total if total else 1.0
        root = s[:kept].sqrt()
        a = torch.zeros(rank, change.shape[1])
        b = torch.zeros(change.shape[0], rank)
        a[:kept] = (root[:, None] * vt[:kept]).float()
        b[:, :kept] = (u[:, :kept] * root).float()
        tensors[_A.format(module)] = a
        tensors[_B.format(module)] = b
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(deltas),
    }
    return LoraAdapter(config, tensors), energy
