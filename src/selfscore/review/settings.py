"""Settings of the reading by hand."""

from __future__ import annotations

from selfscore.metrics.resampling import IntervalSettings
from selfscore.settings_class import Count, settings_class


@settings_class
class ReviewSettings(IntervalSettings):
    """The section `review`.

    Attributes:
        pairs: that are read of each round, drawn at random; all if there are fewer.
    """

    pairs: Count
