"""Settings of the report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import Count, NotNegative, Share, settings_class
from selfscore.configuration.splits import HeldOut
from selfscore.metrics.resampling import IntervalSettings


@settings_class
class ChampionSettings:
    """The section `reporting.champion`: which policy may win, and by what.

    Attributes:
        metric: the figure of all validation images that decides.
        min_format_valid: share of answers in the format that a round's policy needs.
        max_faithfulness_loss: how far below the base model's its faithfulness may lie, or, where
            that is not measured, its visual fidelity with its whole interval.
        max_counterfactual_loss: the same of the counterfactual figure; None: it is not looked at.
    """

    metric: str
    min_format_valid: Share
    max_faithfulness_loss: NotNegative
    max_counterfactual_loss: NotNegative | None


@settings_class
class GallerySettings:
    """The section `reporting.gallery`.

    Attributes:
        images: shown, spread evenly over the errors.
        pairs: shown of each round.
        pixels: longer side of a picture.
    """

    images: Count
    pairs: Count
    pixels: Count


@settings_class
class ReportingSettings(IntervalSettings):
    """The section `reporting`.

    Attributes:
        split: the one that is reported; the champion is chosen on the validation images all the
            same.
        metrics: what the curves over rounds show.
        compared: what stands side by side for one round.
        champion: how it is chosen.
        gallery: what is shown in it.
    """

    split: HeldOut
    metrics: Annotated[list[str], Field(min_length=1)]
    compared: Annotated[list[str], Field(min_length=1)]
    champion: ChampionSettings
    gallery: GallerySettings
