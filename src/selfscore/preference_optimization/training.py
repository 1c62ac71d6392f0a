"""One DPO run: a fresh LoRA on a policy, trained on one table of pairs.

Knows TRL and PEFT; knows nothing of Kedro, of scores, or of which expert it trains.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model_state_dict
from transformers import PrinterCallback
from trl import DPOConfig

from selfscore.preference_optimization.progress import TrainingProgress
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.preference_optimization.shared_prefix_trainer import (
    REFERENCE,
    PackedPairCollator,
    SharedPrefixDPOTrainer,
)
from selfscore.preference_optimization.targets import lora_targets
from selfscore.vlm.packing_check import check_packing
from selfscore.vlm.policy import LoraAdapter

if TYPE_CHECKING:
    from selfscore.vlm.features import ImageEncoder
    from selfscore.vlm.loading import VLM


def train_expert(
    encoder: ImageEncoder,
    pairs: pd.DataFrame,
    instruction: str,
    settings: DPOSettings,
    seed: int,
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert; the reference is the same model with the expert switched off.

    Args:
        encoder: the policy of the last round, folded, and its images; its weights stay frozen.
        pairs: path (image key), chosen, rejected: whole responses; and, where the reference is
            known, ref_chosen_logps and ref_rejected_logps: the sums of its log-probabilities.
        instruction: what the response answers.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the pairs. Experts that are to be merged
            share it, so that they start from the same A.

    Returns:
        The adapter, and one row per logged step with TRL's own metric names.

    Raises:
        FloatingPointError: the loss is no longer a number.
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`.
    """
    vlm = encoder.vlm
    check_packing(encoder, pairs["path"].iloc[0], instruction)
    modules = lora_targets(vlm.model, settings.targets)
    with TemporaryDirectory(prefix="dpo_") as folder:
        trainer = SharedPrefixDPOTrainer(
            model=vlm.model,
            args=_arguments(settings, len(pairs), seed, folder, vlm),
            train_dataset=_preference_dataset(pairs),
            data_collator=PackedPairCollator(
                encoder, instruction, tower_frozen=settings.targets == "language_model"
            ),
            processing_class=vlm.processor,
            callbacks=[TrainingProgress()],
            peft_config=LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT takes any number
                lora_dropout=0.0,
                target_modules=modules,
            ),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    history = _history(trainer.state.log_history)
    adapter = LoraAdapter(
        config={
            "peft_type": "LORA",
            "base_model_name_or_path": vlm.model.name_or_path,
            "r": settings.rank,
            "lora_alpha": settings.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": sorted(modules),
        },
        tensors={
            name: tensor.detach().float().cpu().contiguous()
            for name, tensor in get_peft_model_state_dict(trainer.model).items()
        },
    )
    return adapter, history


def _arguments(settings: DPOSettings, pairs: int, seed: int, folder: str, vlm: VLM) -> DPOConfig:
    cuda = vlm.device.type == "cuda"
    steps = settings.epochs * -(-pairs // settings.batch_size)
    supervised = settings.rpo_alpha > 0
    arguments = DPOConfig(
        output_dir=folder,
        beta=settings.beta,
        loss_type=[settings.loss_type, "sft"] if supervised else [settings.loss_type],
        loss_weights=[1.0, settings.rpo_alpha] if supervised else None,
        learning_rate=settings.lr,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup_ratio * steps),
        max_grad_norm=settings.max_grad_norm,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size // settings.accumulation_steps,
        gradient_accumulation_steps=settings.accumulation_steps,
        seed=seed,
        data_seed=seed,
        # TRL's defaults would cut image tokens, or need a GPU.
        max_length=None,
        bf16=vlm.model.dtype == torch.bfloat16,
        use_cpu=not cuda,
        gradient_checkpointing=settings.gradient_checkpointing,
        dataloader_pin_memory=cuda,
        remove_unused_columns=False,
        logging_steps=5,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    if arguments.n_gpu > 1:
        # The trainer would copy the model to every GPU and cut packed batches between them.
        arguments._n_gpu = 1
    return arguments


def _preference_dataset(pairs: pd.DataFrame) -> Dataset:
    """The pairs as rows of text; TRL tells from `images` that they are about pictures."""
    columns = ["chosen", "rejected", *(name for name in REFERENCE if name in pairs)]
    table = pairs[columns].assign(images=pd.Series([[path] for path in pairs["path"]]).to_numpy())
    return Dataset.from_pandas(table, preserve_index=False)


def _history(log_history: list[dict[str, float]]) -> pd.DataFrame:
    history = pd.DataFrame([row for row in log_history if "loss" in row])
    broken = history[~history["loss"].abs().lt(float("inf"))]
    if len(broken):
        raise FloatingPointError(
            f"The DPO loss is not a number any more at step {int(broken['step'].iloc[0])}: lower "
            "`dpo_training.lr` or raise `dpo_training.beta`."
        )
    return history
