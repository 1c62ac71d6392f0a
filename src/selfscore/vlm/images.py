"""Where a policy's pictures come from: any mapping that reads a picture when it is asked for it."""

from collections.abc import Mapping

from PIL.Image import Image

ImageSource = Mapping[str, Image]
"""Relative path → RGB image, read on access."""
