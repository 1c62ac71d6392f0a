"""A LoRA that changes what a model says, as a training would leave it."""

from __future__ import annotations

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from selfscore.expert_training.adapter import trained_adapter
from selfscore.vlm.policy import LoraAdapter


def random_adapter(base_model: str, seed: int) -> LoraAdapter:
    """Rank 2 with alpha 8, on the query projections of the language model."""
    torch.manual_seed(seed)
    model = AutoModelForImageTextToText.from_pretrained(base_model)
    names = [
        name
        for name, _ in model.named_modules()
        if "text_model" in name and name.endswith("q_proj")
    ]
    lora = LoraConfig(r=2, lora_alpha=8, target_modules=names, init_lora_weights=False)
    return trained_adapter(get_peft_model(model, lora), lora, names, base_model)
