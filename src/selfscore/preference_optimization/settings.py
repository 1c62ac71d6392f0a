"""How an expert is trained: every setting once, in TRL's and PEFT's own terms.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

from dataclasses import dataclass

# Steps from one row of the training log to the next.
LOGGING_STEPS = 5


@dataclass(frozen=True)
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
        loss_type: a loss of TRL's DPOTrainer: sigmoid, hinge, ipo, …
        warmup_ratio: share of the steps in which the learning rate rises.
        max_grad_norm: gradients are clipped to this norm.
        targets: what carries the LoRA: `language_model`, or `whole_model` for the vision tower and
            the connector too, at the price of running them in every step.
        checkpoint_steps: steps from one checkpoint to the next, of which a run that was stopped
            loses at most as many; a multiple of `LOGGING_STEPS`, so that no row of the log is half
            done.
    """

    beta: float
    lr: float
    rank: int
    alpha: float
    epochs: float
    batch_size: int
    accumulation_steps: int
    gradient_checkpointing: bool
    rpo_alpha: float
    loss_type: str
    warmup_ratio: float
    max_grad_norm: float
    targets: str
    checkpoint_steps: int

    def __post_init__(self) -> None:
        for name in ("beta", "lr", "rank", "alpha", "epochs", "batch_size", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"`dpo_training.{name}` must be above 0, got {getattr(self, name)}."
                )
        if self.accumulation_steps < 1 or self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"`dpo_training.accumulation_steps` must divide `dpo_training.batch_size` "
                f"({self.batch_size}) evenly, got {self.accumulation_steps}."
            )
        if self.targets not in ("language_model", "whole_model"):
            raise ValueError(
                f"Unknown `dpo_training.targets` '{self.targets}': choose language_model or "
                "whole_model."
            )
        if self.checkpoint_steps < 1 or self.checkpoint_steps % LOGGING_STEPS:
            raise ValueError(
                f"`dpo_training.checkpoint_steps` must be a multiple of {LOGGING_STEPS}, got "
                f"{self.checkpoint_steps}."
            )
        if self.rpo_alpha < 0:
            raise ValueError(
                f"`dpo_training.rpo_alpha` must not be negative, got {self.rpo_alpha}."
            )
