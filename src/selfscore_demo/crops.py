"""Cut random square crops out of photographs."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance


def random_crop(
    photograph: Image.Image, size: int, rng: np.random.Generator, jitter: float = 0.0
) -> Image.Image:
    """Cut a square crop at a random place and scale, perhaps mirrored.

    Args:
        photograph: Source picture; its shorter side must be at least half of ``size``.
        size: Side of the crop in pixels.
        rng: Source of randomness.
        jitter: Strength of a random change of brightness, colour and contrast; 0 is none.

    Returns:
        An RGB picture of ``size`` by ``size`` pixels.
    """
    photograph = photograph.convert("RGB")
    longest = min(photograph.size)
    side = int(rng.integers(min(size, longest), longest + 1))
    left = int(rng.integers(0, photograph.width - side + 1))
    top = int(rng.integers(0, photograph.height - side + 1))
    crop = photograph.resize(
        (size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)
    )
    if rng.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if jitter > 0:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Color, ImageEnhance.Contrast):
            crop = enhance(crop).enhance(float(np.exp(rng.uniform(-jitter, jitter))))
    return crop
