"""Settings of the reading by hand."""

from __future__ import annotations

from selfscore.configuration.settings_class import Count, settings_class
from selfscore.metrics.resampling import IntervalSettings


@settings_class
class ReviewSettings(IntervalSettings):
    """The section `review`.

    Attributes:
        pairs: that are read of each round, drawn at random; all if there are fewer.
    """

    pairs: Count
