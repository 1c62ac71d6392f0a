"""How an expert is trained: every setting once, in TRL's and PEFT's own terms.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

from dataclasses import dataclass


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
        rpo_alpha: weight of the negative log-likelihood of `chosen` per token (RPO, arXiv
            2404.19733, eq. 1); 0 is plain DPO.
        loss_type: a loss of TRL's DPOTrainer: sigmoid, hinge, ipo, …
        warmup_ratio: share of the steps in which the learning rate rises.
        max_grad_norm: gradients are clipped to this norm.
        targets: what carries the LoRA: `language_model`, or `whole_model` for the vision tower and
            the connector too, at the price of running them in every step.
    """

    beta: float
    lr: float
    rank: int
    alpha: float
    epochs: float
    batch_size: int
    rpo_alpha: float
    loss_type: str
    warmup_ratio: float
    max_grad_norm: float
    targets: str

    def __post_init__(self) -> None:
        for name in ("beta", "lr", "rank", "alpha", "epochs", "batch_size", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"`dpo_training.{name}` must be above 0, got {getattr(self, name)}."
                )
        if self.targets not in ("language_model", "whole_model"):
            raise ValueError(
                f"Unknown `dpo_training.targets` '{self.targets}': choose language_model or "
                "whole_model."
            )
        if self.rpo_alpha < 0:
            raise ValueError(
                f"`dpo_training.rpo_alpha` must not be negative, got {self.rpo_alpha}."
            )
