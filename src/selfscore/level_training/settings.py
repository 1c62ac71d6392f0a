"""How the level expert is trained.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

from selfscore.expert_training.settings import TrainingSettings
from selfscore.settings_class import Count, NotNegative, settings_class


@settings_class
class LevelSettings(TrainingSettings):
    """The section `level_training`; a row is an image with its level.

    In parts (`accumulation_steps`), the images of one part are compared with each other and not
    with those of the next, so there are fewer pairs; the rest of the step is the same up to
    rounding, but for the texts, which are a mean over the tokens of each part.

    Attributes:
        fidelity_weight: weight of the order of the images of a step, see `fidelity`; 0 leaves it
            out.
        text_weight: weight of KL(policy before ‖ policy) at each token of the right-score texts; 0
            leaves them out.
        text_every: every so many steps have the texts in them. A row without its text is short.
    """

    fidelity_weight: NotNegative
    text_weight: NotNegative
    text_every: Count
