"""How a DPO expert is trained: every setting once, in TRL's and PEFT's own terms.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

from typing import Literal

from selfscore.configuration.settings_class import NotNegative, Positive, settings_class
from selfscore.expert_training.settings import TrainingSettings

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
class DPOSettings(TrainingSettings):
    """Settings of one DPO run, besides those of every training.

    In parts (`accumulation_steps`), the preference's loss is a mean over pairs, so the step is the
    same up to rounding; the supervised term is a mean over the tokens of each part, so pairs with
    shorter texts count for a little more than without parts. Where an epoch's last step has fewer
    pairs and its parts are not of one size, those of the smaller part count for more.

    Attributes:
        beta: strength of the tie to the reference (Rafailov et al., arXiv 2305.18290, eq. 7).
        rpo_alpha: weight of the negative log-likelihood of `chosen` per token (RPO, arXiv
            2404.19733, eq. 1), of which what both answers begin with is not learnt; 0 is plain DPO.
        score_weight: weight of KL(policy before ‖ policy) at each token that both answers begin
            with, the score where it is the same: an expert that learns texts leaves scores alone.
        stray_weight: weight of -log(1 - p(stray)) at each token of both texts: that no digit, line
            break or ``#`` comes instead of the next word. They would break the format.
        loss_type: a loss of TRL's DPOTrainer.
    """

    beta: Positive
    rpo_alpha: NotNegative
    score_weight: NotNegative
    stray_weight: NotNegative
    loss_type: Loss
