"""Settings of the demo's pictures."""

from __future__ import annotations

from selfscore.settings_class import Count, Share, Whole, settings_class


@settings_class
class ImagesPerSplit:
    """The section `demo_images.images`: pictures in each split."""

    train: Count
    validation: Count
    test: Count


@settings_class
class DemoImagesSettings:
    """The section `demo_images`.

    Attributes:
        seed: of all draws.
        images: pictures in each split.
        stored_size: side of a picture, in pixels.
        share_faulty: probability of each fault.
        raters: simulated raters of a picture.
    """

    seed: Whole
    images: ImagesPerSplit
    stored_size: Count
    share_faulty: Share
    raters: Count
