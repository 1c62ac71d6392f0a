"""Settings of preference building."""

from __future__ import annotations

from selfscore.configuration.settings_class import Count, Share, settings_class


@settings_class
class PreferenceBuildingSettings:
    """The section `preference_building`.

    Attributes:
        batch_size: images whose answers are weighed together.
        ridge_weight: how much a ridge regression on image features would count, were it always
            right, in what the level expert learns, see `ridge_opinion`; 0 leaves it out.
    """

    batch_size: Count
    ridge_weight: Share
