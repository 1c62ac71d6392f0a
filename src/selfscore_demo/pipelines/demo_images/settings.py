"""Settings of the demo's pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import Count, Share, Whole, settings_class


@settings_class
class Series:
    """One of `demo_images.series`: pictures that were drawn together.

    Attributes:
        seed: of all its draws.
        images: pictures in each split.
    """

    seed: Whole
    images: dict[str, Count]


@settings_class
class DemoImagesSettings:
    """The section `demo_images`.

    Attributes:
        series: drawn one after the other; a later one moves nothing of an earlier one.
        stored_size: side of a picture, in pixels.
        share_faulty: probability of each fault.
        raters: simulated raters of a picture.
    """

    series: Annotated[list[Series], Field(min_length=1)]
    stored_size: Count
    share_faulty: Share
    raters: Count
