"""Settings of evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from selfscore.configuration.settings_class import Count, Whole, settings_class
from selfscore.configuration.splits import HeldOut
from selfscore.faithfulness.settings import FaithfulnessSettings
from selfscore.judging.settings import JudgingSettings
from selfscore.metrics.health import HealthThresholds
from selfscore.metrics.resampling import IntervalSettings
from selfscore.vlm.options import Decoding


@settings_class
class HealthSettings:
    """The section `evaluation.health`.

    Attributes:
        on_breach: `warn`, or `stop` before the next round is trained.
        thresholds: limits of the figures.
    """

    on_breach: Literal["warn", "stop"]
    thresholds: HealthThresholds


@settings_class
class EvaluationSettings(IntervalSettings):
    """The section `evaluation`.

    Attributes:
        splits: which images are scored and explained; further ones than validation and test where
            the table of scores names them.
        decoding: how the explanations are written; the expected score does not depend on it.
        group_column: column of the judgements whose values are measured on their own as well; None:
            all images together only.
        min_group: groups of fewer images get no interval.
        calibration_bins: equally wide bins of probability.
        judging: who reads a score from an explanation.
        health: what is done about policies that no longer answer sensibly.
        faithfulness: how it is found out whether explanations are true.
    """

    splits: Annotated[list[HeldOut], Field(min_length=1)]
    decoding: Decoding
    group_column: str | None
    min_group: Whole
    calibration_bins: Count
    judging: JudgingSettings
    health: HealthSettings
    faithfulness: FaithfulnessSettings
