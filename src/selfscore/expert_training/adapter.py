"""A trained LoRA as it is kept.

Knows PEFT's models and configurations; trains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peft import LoraConfig, get_peft_model_state_dict

from selfscore.vlm.policy import LoraAdapter

if TYPE_CHECKING:
    from peft import PeftModel


def trained_adapter(
    model: PeftModel, lora: LoraConfig, modules: Sequence[str], base_model: str
) -> LoraAdapter:
    """The adapter that a model carries, in 32 bits and in the machine's memory.

    Args:
        model: with the adapter.
        lora: which it is.
        modules: full names of the layers that carry it; PEFT shortens its own list.
        base_model: name or folder of the model it is over.
    """
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "r": lora.r,
        "lora_alpha": lora.lora_alpha,
        "lora_dropout": lora.lora_dropout,
        "bias": "none",
        "target_modules": sorted(modules),
    }
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in get_peft_model_state_dict(model).items()
    }
    return LoraAdapter(config=config, tensors=tensors)
