"""One training from its settings to an adapter and a log, in as many parts as memory asks for.

Knows PEFT, checkpoints and memory; knows no loss, and not what an expert learns from.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pandas as pd
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from selfscore.expert_training.adapter import trained_adapter
from selfscore.expert_training.checkpoints import KeepCheckpoints, latest_in, restore
from selfscore.expert_training.last_step import LogLastStep
from selfscore.expert_training.progress import TrainingProgress
from selfscore.expert_training.settings import LOGGING_STEPS, TrainingSettings
from selfscore.expert_training.targets import lora_targets
from selfscore.expert_training.together import is_first
from selfscore.expert_training.watched_trainer import WatchedTrainer
from selfscore.vlm.policy import LoraAdapter

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=TrainingSettings)
In = TypeVar("In", bound=TrainingSettings, contravariant=True)
# Arguments of the trainer, a class of which may take more than transformers' own.
A = TypeVar("A", bound=TrainingArguments)


class MakeTrainer(Protocol[In]):
    """Makes the trainer of one attempt; called again with other settings if memory runs out."""

    def __call__(
        self,
        settings: In,
        arguments: dict[str, Any],
        adapter: LoraConfig,
        callbacks: list[TrainerCallback],
    ) -> WatchedTrainer:
        """The trainer, before its first step.

        Args:
            settings: of the attempt.
            arguments: those that all trainings have, see `one_gpu`.
            adapter: which LoRA is trained.
            callbacks: that all trainings have.
        """


@dataclass(frozen=True)
class Training(Generic[S]):
    """What differs from one kind of training to the next.

    Attributes:
        make: its trainer.
        section: of the parameters, for messages.
        row: what a row is called, for messages.
        accuracy: the column of its log that the screen shows as the accuracy.
    """

    make: MakeTrainer[S]
    section: str
    row: str
    accuracy: str


def train_adapter(
    training: Training[S],
    vlm: VLM,
    rows: int,
    settings: S,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert.

    A batch that does not fit into memory is halved: the training goes on from its last checkpoint
    with twice the `accumulation_steps`.

    Args:
        training: what is trained.
        vlm: the policy of the last round, folded; it is given back as it was.
        rows: number of rows.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the rows.
        checkpoint: takes the training's state now and then, and has the last one of an earlier run
            with the same arguments that was stopped: the training goes on there and ends with the
            same adapter and log. Empty at first.

    Returns:
        The adapter, and one row per logged step with the trainer's own metric names.

    Raises:
        FloatingPointError: a loss or a gradient is not finite. `checkpoint` keeps the last
            state that was whole.
        MemoryError: one row alone does not fit.
        ValueError: the checkpoint is not one that a training wrote.
    """
    latest = latest_in(checkpoint)
    if latest is not None:
        settings = replace(settings, accumulation_steps=latest.accumulation_steps)
    while True:
        try:
            return _train(training, vlm, rows, settings, seed, checkpoint)
        except _NoRoomError as error:
            settings = _in_more_parts(training, settings, error)
        # Only here has the error let go of what filled the memory.
        clear_device_cache(garbage_collection=True)


def one_gpu(arguments: A) -> A:
    """The arguments of a trainer that leaves the model where it is.

    On a machine with several GPUs the trainer would copy the model to every one and cut packed
    batches between them.
    """
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


class _NoRoomError(Exception):
    """A batch did not fit into memory."""


def _train(
    training: Training[S],
    vlm: VLM,
    rows: int,
    settings: S,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    modules = lora_targets(vlm.model, settings.targets)
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT takes any number
        lora_dropout=0.0,
        target_modules=modules,
    )
    with (
        TemporaryDirectory(prefix="training_") as folder,
        closing(TrainingProgress(training.accuracy)) as progress,
    ):
        resume_from = restore(checkpoint, Path(folder))
        keep = KeepCheckpoints(checkpoint, settings.checkpoint_steps, settings.accumulation_steps)
        arguments = _arguments(settings, rows, seed, folder, vlm)
        # Of several processes that train together, one tells and stores how far they are.
        told = [progress, keep] if is_first() else []
        trainer = training.make(settings, arguments, lora, [*told, LogLastStep()])
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
            adapter = trained_adapter(trainer.model, lora, modules, vlm.model.name_or_path)
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
    return adapter, _history(trainer.state.log_history)


def _arguments(
    settings: TrainingSettings, rows: int, seed: int, folder: str, vlm: VLM
) -> dict[str, Any]:
    cuda = vlm.device.type == "cuda"
    steps = settings.steps(rows)
    return {
        "output_dir": folder,
        "learning_rate": settings.lr,
        "lr_scheduler_type": "cosine",
        "warmup_steps": round(settings.warmup_ratio * steps),
        "max_grad_norm": settings.max_grad_norm,
        "max_steps": steps,
        "per_device_train_batch_size": settings.batch_size // settings.accumulation_steps,
        "gradient_accumulation_steps": settings.accumulation_steps,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": not cuda,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "dataloader_pin_memory": cuda,
        "remove_unused_columns": False,
        "logging_steps": LOGGING_STEPS,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _history(log: list[dict[str, float]]) -> pd.DataFrame:
    """Step and epoch, then the metrics by name: a checkpoint does not keep the trainer's order."""
    # The last row sums up how long all of it took.
    history = pd.DataFrame([row for row in log if "train_runtime" not in row])
    first = ["step", "epoch"]
    return history[[*first, *sorted(history.columns.difference(first))]]


def _in_more_parts(training: Training[S], settings: S, error: _NoRoomError) -> S:
    """The settings with at most half the rows in the model at once."""
    now, size = settings.accumulation_steps, settings.batch_size
    if now == size:
        raise MemoryError(
            f"One {training.row} alone does not fit into memory. Turn on "
            f"`{training.section}.gradient_checkpointing`, lower `{training.section}.rank`, set "
            "`machine.loading.quantization: 4bit`, or make the images smaller (`model.processor`)."
        ) from error
    more = next(parts for parts in range(2 * now, size + 1) if size % parts == 0)
    logger.warning(
        "%d %ss at once do not fit into memory, so the steps go through the model in %d parts of "
        "%d. Set `%s.accumulation_steps: %d` to begin with that.",
        size // now,
        training.row,
        more,
        size // more,
        training.section,
        more,
    )
    return replace(settings, accumulation_steps=more)
