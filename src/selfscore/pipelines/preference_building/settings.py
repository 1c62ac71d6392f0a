"""Settings of preference building."""

from __future__ import annotations

from selfscore.settings_class import Count, settings_class


@settings_class
class PreferenceBuildingSettings:
    """The section `preference_building`.

    Attributes:
        batch_size: images whose answers are weighed together.
    """

    batch_size: Count
