"""Settings of data generation."""

from __future__ import annotations

from typing import Literal

from selfscore.configuration.settings_class import Count, Share, Whole, settings_class
from selfscore.preference_data.quality_gates import QualityGates
from selfscore.preference_data.wrong_levels import Strategy
from selfscore.vlm.options import Decoding


@settings_class
class DataGenerationSettings:
    """The section `data_generation`.

    Attributes:
        exclusion_radius: wrong levels lie further than this from the true one, or as far as few
            levels permit.
        wrong_level: how they are drawn, see `wrong_level_probabilities`.
        conditioning: how a text is tied to a level: by the `prefix` of the answer under the rating
            prompt, or by an `instruction` of its own, the prompt `justify`.
        decoding: of the texts.
        max_attempts: times that a text which fails a gate is written.
        min_accepted: share of the texts that must pass, or the run stops.
        gates: what a text must pass.
    """

    exclusion_radius: Whole
    wrong_level: Strategy
    conditioning: Literal["prefix", "instruction"]
    decoding: Decoding
    max_attempts: Count
    min_accepted: Share
    gates: QualityGates
