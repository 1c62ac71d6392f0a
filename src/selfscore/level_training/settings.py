"""How the level expert is trained.

Knows numbers only; imports no library that trains.
"""

from __future__ import annotations

from selfscore.configuration.settings_class import Count, NotNegative, Share, settings_class
from selfscore.expert_training.settings import TrainingSettings

# The column of the training log with the error on the validation images, where a cycle ends.
VALIDATION_ERROR = "validation_error"
# Beside it, the step of the best cycle so far, which is kept; 0 for none.
KEPT_STEP = "kept_step"


@settings_class
class LevelSettings(TrainingSettings):
    """The section `level_training`; a row is an image with its level.

    In parts (`accumulation_steps`), the images of one part are compared with each other and not
    with those of the next, so there are fewer pairs; the rest of the step is the same up to
    rounding, but for the texts, which are a mean over the tokens of each part.

    It goes through cycles of `epochs` each, from warm-up to the end of the decay, and stops after
    one by which validation images gain less than `min_gain` on the best before it, which is kept;
    or none, where already the first gains less on the policy before.

    Attributes:
        max_cycles: most cycles that it goes through; 1 looks at no validation image.
        min_gain: the part of the error on validation images that a cycle has to take away.
        fidelity_weight: weight of the order of the images of a step, see `fidelity`; 0 leaves it
            out.
        unscored_weight: weight of -log of the probability that a level is written as the score, see
            `unscored`.
        text_weight: weight of KL(policy before ‖ policy) at each token of the right-score texts; 0
            leaves the texts out.
        stray_weight: weight of -log(1 - p(stray)) at each token of these texts, see `stray_loss`.
        text_every: every so many steps have the texts in them. A row without its text is short.
    """

    max_cycles: Count
    min_gain: Share
    fidelity_weight: NotNegative
    unscored_weight: NotNegative
    text_weight: NotNegative
    stray_weight: NotNegative
    text_every: Count

    def steps(self, rows: int) -> int:
        """Steps that this many rows take, over all cycles."""
        return self.max_cycles * self.cycle(rows)

    def cycle(self, rows: int) -> int:
        """Steps of one cycle."""
        return super().steps(rows)
