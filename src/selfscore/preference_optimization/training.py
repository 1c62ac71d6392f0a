"""One DPO run: a fresh LoRA on a policy, trained on one table of pairs by TRL's DPOTrainer.

Knows TRL and PEFT; knows nothing of Kedro, of scores, or of which expert it trains.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd
from datasets import Dataset
from peft import LoraConfig, get_peft_model_state_dict
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from selfscore.preference_optimization.progress import TrainingProgress
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.preference_optimization.targets import language_model_linears
from selfscore.vlm.images import ImageSource
from selfscore.vlm.policy import LoraAdapter

if TYPE_CHECKING:
    from selfscore.vlm.loading import VLM


def train_expert(
    vlm: VLM,
    pairs: pd.DataFrame,
    images: ImageSource,
    instruction: str,
    settings: DPOSettings,
    seed: int,
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert; the reference is the same model with the expert switched off.

    Args:
        vlm: the policy of the last round, folded; its weights stay frozen.
        pairs: path (key into `images`), chosen, rejected: whole responses.
        images: path → RGB image, read when its batch comes.
        instruction: what the response answers.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the pairs. Experts that are to be merged
            share it, so that they start from the same A.

    Returns:
        The adapter, and one row per logged step with TRL's own metric names.

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    modules = language_model_linears(vlm.model)
    with TemporaryDirectory(prefix="dpo_") as folder:
        trainer = DPOTrainer(
            model=vlm.model,
            args=_arguments(settings, len(pairs), seed, folder, cuda=vlm.device.type == "cuda"),
            train_dataset=_preference_dataset(pairs, images, instruction),
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


def _arguments(settings: DPOSettings, pairs: int, seed: int, folder: str, cuda: bool) -> DPOConfig:
    steps = settings.epochs * -(-pairs // settings.batch_size)
    supervised = settings.rpo_alpha > 0
    return DPOConfig(
        output_dir=folder,
        beta=settings.beta,
        loss_type=[settings.loss_type, "sft"] if supervised else [settings.loss_type],
        loss_weights=[1.0, settings.rpo_alpha] if supervised else None,
        learning_rate=settings.lr,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup_ratio * steps),
        max_grad_norm=settings.max_grad_norm,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        seed=seed,
        data_seed=seed,
        # TRL's defaults would cut image tokens, need a GPU, or trade time for memory.
        max_length=None,
        bf16=cuda,
        use_cpu=not cuda,
        gradient_checkpointing=False,
        dataloader_pin_memory=cuda,
        remove_unused_columns=False,
        logging_steps=5,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _preference_dataset(pairs: pd.DataFrame, images: ImageSource, instruction: str) -> Dataset:
    """TRL's conversational preference format; images are opened only when a row is read."""

    def turn(role: str, content: str) -> list[dict[str, str]]:
        return [{"role": role, "content": content}]

    def to_preferences(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {
            "images": [[images[path]] for path in rows["path"]],
            "prompt": [turn("user", instruction) for _ in rows["path"]],
            "chosen": [turn("assistant", text) for text in rows["chosen"]],
            "rejected": [turn("assistant", text) for text in rows["rejected"]],
        }

    table = Dataset.from_pandas(pairs[["path", "chosen", "rejected"]], preserve_index=False)
    return table.with_transform(to_preferences)


def _history(log_history: list[dict[str, float]]) -> pd.DataFrame:
    history = pd.DataFrame([row for row in log_history if "loss" in row])
    broken = history[~history["loss"].abs().lt(float("inf"))]
    if len(broken):
        raise FloatingPointError(
            f"The DPO loss is not a number any more at step {int(broken['step'].iloc[0])}: lower "
            "`dpo_training.lr` or raise `dpo_training.beta`."
        )
    return history
