"""The stock way: transformers' generate, TRL's DPOTrainer, mergekit on whole checkpoints.

Each as its own documentation shows it, in batches, with TRL's defaults where they are not a matter
of the machine (no bf16 on a CPU, no cut at `max_length`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from peft import LoraConfig
from PIL import Image
from trl import DPOConfig, DPOTrainer

from selfscore.expert_training.targets import lora_targets
from selfscore.vlm.model import VLM
from selfscore.vlm.reading.tokens import render


@torch.inference_mode()
def generate(
    vlm: VLM,
    images: Mapping[str, Image.Image],
    rows: Sequence[tuple[str, str, str]],
    max_new_tokens: int,
    batch_size: int,
) -> int:
    """Sample a text for each (image, instruction, forced start); the number of tokens written."""
    written = 0
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        inputs = vlm.processor(
            images=[[images[image]] for image, _, _ in batch],
            text=[render(vlm, instruction, forced) for _, instruction, forced in batch],
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        ).to(vlm.device, dtype=vlm.model.dtype)
        model: Any = vlm.model
        output = model.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, max_new_tokens=max_new_tokens
        )
        new = output[:, inputs["input_ids"].shape[1] :]
        written += int((new != vlm.tokenizer.pad_token_id).sum())
    return written


def trainer(
    vlm: VLM,
    pairs: pd.DataFrame,
    images: Mapping[str, Image.Image],
    instruction: str,
    folder: Path,
    checkpointing: bool = True,
) -> DPOTrainer:
    """TRL's trainer on the pairs."""
    rows = [
        {
            "images": [images[str(row.path)]],
            "prompt": [{"role": "user", "content": instruction}],
            "chosen": [{"role": "assistant", "content": row.chosen}],
            "rejected": [{"role": "assistant", "content": row.rejected}],
        }
        for row in pairs.itertuples()
    ]
    return DPOTrainer(
        model=vlm.model,
        args=arguments(folder, len(pairs), vlm.device.type == "cuda", checkpointing),
        train_dataset=Dataset.from_list(rows),
        processing_class=vlm.processor,
        peft_config=lora(vlm),
    )


def arguments(folder: Path, batch_size: int, cuda: bool, checkpointing: bool) -> DPOConfig:
    """TRL's own settings."""
    return DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=batch_size,
        max_length=None,
        bf16=cuda,
        use_cpu=not cuda,
        gradient_checkpointing=checkpointing,
        remove_unused_columns=False,
        report_to="none",
    )


def lora(vlm: VLM) -> LoraConfig:
    """The same LoRA for both sides."""
    return LoraConfig(r=16, lora_alpha=32, target_modules=lora_targets(vlm.model, "language_model"))


def merge(experts: Sequence[Path], base: Path, out: Path, density: float) -> None:
    """TIES over whole checkpoints."""
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    configuration = MergeConfiguration.model_validate(
        {
            "merge_method": "ties",
            "base_model": str(base),
            "models": [
                {"model": str(path), "parameters": {"weight": 1.0, "density": density}}
                for path in experts
            ],
            "dtype": "float32",
        }
    )
    run_merge(configuration, str(out), options=MergeOptions(quiet=True, copy_tokenizer=False))
