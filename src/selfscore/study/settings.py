"""Settings of the study of usefulness."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import (
    Count,
    NotNegative,
    Positive,
    Whole,
    settings_class,
)
from selfscore.configuration.splits import HeldOut

# Ways in which a picture is shown: two of the first task, six of the second; see
# `selfscore.study.items`. Each is shown equally often where the numbers are multiples of these.
GUESS_WAYS, CHECK_WAYS = 2, 6


@settings_class
class Assumed:
    """The section `study.assumed`: what the sample size rests on, all in shares of answers.

    Attributes:
        effect: the smallest difference of two shares that would matter.
        between_raters: standard deviation of that difference over raters.
        between_pictures: standard deviation of that difference over pictures.
        within: standard deviation of one answer; 0.5 is the most that yes or no can have.
    """

    effect: Positive
    between_raters: NotNegative
    between_pictures: NotNegative
    within: Positive


@settings_class
class StudySettings:
    """The section `study`.

    Attributes:
        split: of the pictures whose scores are guessed.
        raters: seats there are, a multiple of 6.
        guess_pictures: whose scores are guessed, a multiple of 2; fewer if there are fewer.
        check_pictures: whose scores are accepted or rejected, a multiple of 6; likewise.
        tolerance: a guess is right at most so many levels from the model's.
        pixels: longer side of a picture.
        label_studio: whether the study is written as tasks of Label Studio, too.
        assumed: what the sample size rests on.
        power: chance to find the assumed effect that the study should have.
        confidence: share of studies whose intervals hold the truth.
    """

    split: HeldOut
    raters: Annotated[int, Field(ge=CHECK_WAYS, multiple_of=CHECK_WAYS)]
    guess_pictures: Annotated[int, Field(ge=GUESS_WAYS, multiple_of=GUESS_WAYS)]
    check_pictures: Annotated[int, Field(ge=CHECK_WAYS, multiple_of=CHECK_WAYS)]
    tolerance: Whole
    pixels: Count
    label_studio: bool
    assumed: Assumed
    power: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
