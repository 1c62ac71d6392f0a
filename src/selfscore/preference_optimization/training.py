"""One DPO run: a fresh LoRA on a policy, trained on one table of pairs.

Knows TRL and PEFT; knows nothing of Kedro, of scores, or of which expert it trains.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from datasets import Dataset
from peft import LoraConfig, get_peft_model_state_dict
from transformers import PrinterCallback
from trl import DPOConfig

from selfscore.preference_optimization.checkpoints import KeepCheckpoints, latest_in, restore
from selfscore.preference_optimization.determinism import StartCheck
from selfscore.preference_optimization.progress import TrainingProgress
from selfscore.preference_optimization.settings import LOGGING_STEPS, DPOSettings
from selfscore.preference_optimization.shared_prefix_trainer import (
    REFERENCE,
    PackedPairCollator,
    SharedPrefixDPOTrainer,
)
from selfscore.preference_optimization.targets import lora_targets
from selfscore.vlm.policy import LoraAdapter
from selfscore.vlm.reading.packing_check import check_packing
from selfscore.vlm.reading.tokens import answer_ids

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM
    from selfscore.vlm.reading.features import ImageEncoder


logger = logging.getLogger(__name__)


def train_dpo_expert(
    encoder: ImageEncoder,
    pairs: pd.DataFrame,
    instruction: str,
    settings: DPOSettings,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert; the reference is the same model with the expert switched off.

    A batch that does not fit into memory is halved: the training goes on from its last checkpoint
    with twice the `accumulation_steps`.

    Args:
        encoder: the policy of the last round, folded, and its images; its weights stay frozen.
        pairs: path (image key), chosen, rejected: whole responses; and, where the reference is
            known, ref_chosen_logps and ref_rejected_logps: the sums of its log-probabilities.
        instruction: what the response answers.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the pairs. Experts that are to be merged
            share it, so that they start from the same A.
        checkpoint: takes the training's state now and then, and has the last one of an earlier run
            with the same arguments that was stopped: the training goes on there and ends with the
            same adapter and log. Empty at first.

    Returns:
        The adapter, and one row per logged step with TRL's own metric names.

    Raises:
        FloatingPointError: a loss or a gradient is not finite. `checkpoint` keeps the last
            state that was whole.
        MemoryError: one pair alone does not fit.
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`; it
            differs from the reference before the first step, see `StartCheck`; or the checkpoint
            is not one that a training wrote.
    """
    check_packing(encoder, pairs["path"].iloc[0], instruction)
    latest = latest_in(checkpoint)
    if latest is not None:
        settings = replace(settings, accumulation_steps=latest.accumulation_steps)
    while True:
        try:
            return _train(encoder, pairs, instruction, settings, seed, checkpoint)
        except _NoRoomError as error:
            settings = _in_more_parts(settings, error)
        # Only here has the error let go of what filled the memory.
        clear_device_cache(garbage_collection=True)


class _NoRoomError(Exception):
    """A batch did not fit into memory."""


def _train(
    encoder: ImageEncoder,
    pairs: pd.DataFrame,
    instruction: str,
    settings: DPOSettings,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    vlm = encoder.vlm
    modules = lora_targets(vlm.model, settings.targets)
    with TemporaryDirectory(prefix="dpo_") as folder, closing(TrainingProgress()) as progress:
        resume_from = restore(checkpoint, Path(folder))
        trainer = SharedPrefixDPOTrainer(
            model=vlm.model,
            args=_arguments(settings, len(pairs), seed, folder, vlm),
            train_dataset=_preference_dataset(pairs),
            data_collator=PackedPairCollator(
                encoder, instruction, tower_frozen=settings.targets == "language_model"
            ),
            processing_class=vlm.processor,
            callbacks=[
                progress,
                KeepCheckpoints(checkpoint, settings.checkpoint_steps, settings.accumulation_steps),
                StartCheck(settings.beta, _rounding(vlm, pairs, instruction)),
            ],
            peft_config=LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT takes any number
                lora_dropout=0.0,
                target_modules=modules,
            ),
        )
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
            tensors = {
                name: tensor.detach().float().cpu().contiguous()
                for name, tensor in get_peft_model_state_dict(trainer.model).items()
            }
        except RuntimeError as error:
            if should_reduce_batch_size(error):
                raise _NoRoomError from error
            raise
        except UnpicklingError as error:
            raise ValueError(
                "The training's checkpoint holds a pickle that a training does not write. It was "
                "not loaded. Remove the folder `checkpoints` in `storage.scratch` and run again."
            ) from error
        finally:
            trainer.release()
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
        tensors=tensors,
    )
    return adapter, _history(trainer.state.log_history)


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
        logging_steps=LOGGING_STEPS,
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


def _rounding(vlm: VLM, pairs: pd.DataFrame, instruction: str) -> float:
    """Nats that rounding may move the longest answer by: as `check_packing` allows a token."""
    longest = max([*pairs["chosen"], *pairs["rejected"]], key=len)
    tokens = len(answer_ids(vlm, instruction, longest))
    return float(tokens * torch.finfo(vlm.model.dtype).eps ** 0.5)


def _preference_dataset(pairs: pd.DataFrame) -> Dataset:
    """The pairs as rows of text; TRL tells from `images` that they are about pictures."""
    columns = ["chosen", "rejected", *(name for name in REFERENCE if name in pairs)]
    table = pairs[columns].assign(
        images=pd.Series([[path] for path in pairs["path"]]).to_numpy(),
        name=[f"{row} ({path})" for row, path in enumerate(pairs["path"])],
    )
    return Dataset.from_pandas(table, preserve_index=False)


def _history(log: list[dict[str, float]]) -> pd.DataFrame:
    """Step and epoch, then the metrics by name: a checkpoint does not keep TRL's order."""
    history = pd.DataFrame([row for row in log if "loss" in row])
    first = ["step", "epoch"]
    return history[[*first, *sorted(history.columns.difference(first))]]


def _in_more_parts(settings: DPOSettings, error: _NoRoomError) -> DPOSettings:
    """The settings with at most half the pairs in the model at once."""
    now, size = settings.accumulation_steps, settings.batch_size
    if now == size:
        raise MemoryError(
            "One pair alone does not fit into memory. Turn on `dpo_training.gradient_checkpointing`"
            ", lower `dpo_training.rank`, set `machine.loading.quantization: 4bit`, or make the "
            "images smaller (`model.processor`)."
        ) from error
    more = next(parts for parts in range(2 * now, size + 1) if size % parts == 0)
    logger.warning(
        "%d pairs at once do not fit into memory, so the steps go through the model in %d parts of "
        "%d. Set `dpo_training.accumulation_steps: %d` to begin with that.",
        size // now,
        more,
        size // more,
        more,
    )
    return replace(settings, accumulation_steps=more)
