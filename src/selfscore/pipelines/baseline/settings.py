"""Settings of the baseline."""

from __future__ import annotations

from selfscore.configuration.settings_class import Count, NotNegative, settings_class


@settings_class
class ImageFeaturesSettings:
    """The section `image_features`.

    Attributes:
        max_gb: 10⁹ bytes that stored features may take, those of edited pictures as much again;
            images beyond are encoded when used.
        batch_size: images that go through the tower together.
    """

    max_gb: NotNegative
    batch_size: Count
