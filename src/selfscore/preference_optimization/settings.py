"""How an expert is trained: every setting once, in TRL's and PEFT's own terms.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from selfscore.settings_class import Count, NotNegative, Positive, Share, settings_class

# Steps from one row of the training log to the next.
LOGGING_STEPS = 5

# Those of TRL's DPOTrainer that need nothing but the settings below; exo_pair would need another.
Loss = Literal[
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
]


@settings_class
class DPOSettings:
    """Settings of one DPO run.

    Attributes:
        beta: strength of the tie to the reference (Rafailov et al., arXiv 2305.18290, eq. 7).
        lr: peak learning rate; cosine decay after `warmup_ratio` of the steps.
        rank: LoRA rank r.
        alpha: LoRA alpha; ΔW is scaled by alpha / rank.
        epochs: passes over the pairs.
        batch_size: pairs a step.
        accumulation_steps: parts that a step's pairs go through the model in, one after the other;
            takes less memory. The preference's loss is a mean over pairs, so the step is the same
            up to rounding; the supervised term is a mean over the tokens of each part, so pairs
            with shorter texts count for a little more than without parts. Where an epoch's last
            step has fewer pairs and its parts are not of one size, those of the smaller part count
            for more.
        gradient_checkpointing: whether a layer's activations are computed again for the backward
            pass instead of being kept: less memory, a third more time, the same gradients.
        rpo_alpha: weight of the negative log-likelihood of `chosen` per token (RPO, arXiv
            2404.19733, eq. 1); 0 is plain DPO.
        loss_type: a loss of TRL's DPOTrainer.
        warmup_ratio: share of the steps in which the learning rate rises.
        max_grad_norm: gradients are clipped to this norm.
        targets: what carries the LoRA: `language_model`, or `whole_model` for the vision tower and
            the connector too, at the price of running them in every step.
        checkpoint_steps: steps from one checkpoint to the next, of which a run that was stopped
            loses at most as many; a multiple of `LOGGING_STEPS`, so that no row of the log is half
            done.
    """

    beta: Positive
    lr: Positive
    rank: Count
    alpha: Positive
    epochs: Positive
    batch_size: Count
    accumulation_steps: Count
    gradient_checkpointing: bool
    rpo_alpha: NotNegative
    loss_type: Loss
    warmup_ratio: Share
    max_grad_norm: Positive
    targets: Literal["language_model", "whole_model"]
    checkpoint_steps: Annotated[int, Field(ge=1, multiple_of=LOGGING_STEPS)]

    def steps(self, pairs: int) -> int:
        """Steps that this many pairs take, over all epochs."""
        return math.ceil(self.epochs * math.ceil(pairs / self.batch_size))

    def __post_init__(self) -> None:
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"`accumulation_steps` must divide `batch_size` ({self.batch_size}) evenly, got "
                f"{self.accumulation_steps}"
            )
