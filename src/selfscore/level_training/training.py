"""One training of the level expert: a fresh LoRA on a policy, trained on scored images.

Knows the trainer and its rows; knows nothing of Kedro.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from transformers import TrainingArguments

from selfscore.configuration.splits import SEEN
from selfscore.expert_training.training import Training, one_gpu, train_adapter
from selfscore.level_training.cycles import BestCycle
from selfscore.level_training.settings import LevelSettings
from selfscore.level_training.trainer import ACCURACY, LevelTrainer, Row
from selfscore.vlm.policy import LoraAdapter
from selfscore.vlm.reading.packing_check import check_packing

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import TrainerCallback

    from selfscore.vlm.reading.features import ImageEncoder


def train_level_expert(
    encoder: ImageEncoder,
    examples: pd.DataFrame,
    instruction: str,
    settings: LevelSettings,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train the expert on the true scores, as long as validation images gain from it.

    Args:
        encoder: the policy of the last round, folded, and its images; its weights stay frozen.
        examples: see `selfscore.preference_data.level_examples`; those of the split `train` are
            learnt from.
        instruction: what a response answers.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the images. Experts that are to be merged
            share it, so that they start from the same A.
        checkpoint: where an earlier run of the same was stopped, see `train_adapter`.

    Returns:
        The adapter, and one row per logged step: the parts of the loss, and the share of the pairs
        of a batch that are in the order of their true scores; and where a cycle ends, the mean
        error on the validation images. That before the first cycle is a row of its own, of step 0.

    Raises:
        FloatingPointError: a loss or a gradient is not finite.
        MemoryError: one image alone does not fit.
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`, or
            the checkpoint is not one that a training wrote.
    """
    check_packing(encoder, examples["path"].iloc[0], instruction)
    rows, validation = (_rows(examples[examples["split"] == split]) for split in SEEN)

    def make(
        settings: LevelSettings,
        arguments: dict[str, Any],
        adapter: LoraConfig,
        callbacks: list[TrainerCallback],
    ) -> LevelTrainer:
        of_trainer = one_gpu(TrainingArguments(**arguments))
        trainer = LevelTrainer(
            encoder, instruction, settings, adapter, of_trainer, rows, validation, callbacks
        )
        if settings.max_cycles > 1:
            cycle, gain = settings.cycle(len(rows)), settings.min_gain
            trainer.add_callback(BestCycle(trainer.validation_error, cycle, gain, checkpoint))
        return trainer

    training = Training(make, "level_training", "image", ACCURACY)
    return train_adapter(training, encoder.vlm, len(rows), settings, seed, checkpoint)


def _rows(examples: pd.DataFrame) -> list[Row]:
    """The rows of a trainer, with the names that errors call them by."""
    names = [f"{row} ({path})" for row, path in enumerate(examples["path"])]
    table = examples.assign(name=names, spread=examples["spread"].fillna(0.0))
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
