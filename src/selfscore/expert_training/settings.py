"""What every expert's training is given, in PEFT's and the trainer's own terms.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from selfscore.configuration.settings_class import Count, Positive, Share, settings_class

# Steps from one row of the training log to the next.
LOGGING_STEPS = 5


@settings_class
class TrainingSettings:
    """Settings of one training; a row is a pair, or an image with its level.

    Attributes:
        lr: peak learning rate; cosine decay after `warmup_ratio` of the steps.
        rank: LoRA rank r.
        alpha: LoRA alpha; ΔW is scaled by alpha / rank.
        epochs: passes over the rows.
        batch_size: rows a step.
        accumulation_steps: parts that a step's rows go through the model in, one after the other;
            takes less memory.
        gradient_checkpointing: whether a layer's activations are computed again for the backward
            pass instead of being kept: less memory, a third more time, the same gradients.
        warmup_ratio: share of the steps in which the learning rate rises.
        max_grad_norm: gradients are clipped to this norm.
        targets: what carries the LoRA: `language_model`, or `whole_model` for the vision tower and
            the connector too, at the price of running them in every step.
        checkpoint_steps: steps from one checkpoint to the next, of which a run that was stopped
            loses at most as many; a multiple of `LOGGING_STEPS`, so that no row of the log is half
            done.
    """

    lr: Positive
    rank: Count
    alpha: Positive
    epochs: Positive
    batch_size: Count
    accumulation_steps: Count
    gradient_checkpointing: bool
    warmup_ratio: Share
    max_grad_norm: Positive
    targets: Literal["language_model", "whole_model"]
    checkpoint_steps: Annotated[int, Field(ge=1, multiple_of=LOGGING_STEPS)]

    def __post_init__(self) -> None:
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"`accumulation_steps` must divide `batch_size` ({self.batch_size}) evenly, got "
                f"{self.accumulation_steps}"
            )

    def steps(self, rows: int) -> int:
        """Steps that this many rows take, over all epochs."""
        return math.ceil(self.epochs * math.ceil(rows / self.batch_size))
