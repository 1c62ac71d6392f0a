"""Settings of scoring."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import Count, settings_class


@settings_class
class ScoringSettings:
    """The section `scoring`.

    Attributes:
        explain: whether explanations are written too, which takes most of the time.
        batch_size: images that are scored together; does not change the scores.
        max_new_tokens: length at which an explanation is cut off, in tokens.
        images: the folder of the new images, where --params names another than globals.yml; the
            catalog reads it. A manifest names it where the run was given it.
    """

    explain: bool
    batch_size: Count
    max_new_tokens: Count
    images: Annotated[str | None, Field(exclude_if=lambda folder: folder is None)] = None
