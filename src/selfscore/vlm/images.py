"""Where a policy's pictures come from, and what is said of one that a model does not take."""

from __future__ import annotations

from collections.abc import Mapping

from PIL.Image import Image

ImageSource = Mapping[str, Image]
"""Relative path → RGB image, read on access."""


class RefusedPictureError(ValueError):
    """Pictures that a model's processor does not take, such as one 300 times as wide as high.

    Args:
        processor: what it is called.
        refused: image key → why, in the processor's words.
    """

    def __init__(self, processor: str, refused: Mapping[str, str]) -> None:
        first, why = next(iter(refused.items()))
        them = "the picture" if len(refused) == 1 else f"{len(refused)} pictures, one of them"
        super().__init__(
            f"{processor} does not take {them} '{first}' ({why}). Crop it, or take it out of the "
            "images and their score table."
        )
        self.refused = dict(refused)
