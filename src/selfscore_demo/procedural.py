"""Made-up pictures, to give the demo model more variety than a few photographs have."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def draw_picture(rng: np.random.Generator, size: int) -> Image.Image:
    """Draw a clean picture: a soft gradient, cloudy texture and a few coloured shapes.

    Args:
        rng: Source of randomness.
        size: Side of the square picture in pixels.

    Returns:
        An RGB picture of ``size`` by ``size`` pixels.
    """
    corners = rng.uniform(0, 255, (2, 2, 3)).astype(np.uint8)
    picture = Image.fromarray(corners).resize((size, size), Image.Resampling.BILINEAR)
    texture = np.zeros((size, size, 3), dtype=np.float32)
    for cells in (4, 9, 20, 45, 90):
        patch = rng.normal(0, rng.uniform(2, 26), (cells, cells, 3))
        patch = 0.75 * patch.mean(axis=2, keepdims=True) * 1.7 + 0.25 * patch
        layer = Image.fromarray(np.clip(patch + 128, 0, 255).astype(np.uint8))
        texture += np.asarray(layer.resize((size, size), Image.Resampling.BICUBIC), np.float32)
        texture -= 128
    mixed = np.asarray(picture, np.float32) + texture * rng.uniform(0.2, 1.2)
    picture = Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 14))):
        _draw_shape(draw, rng, size)
    return picture.filter(ImageFilter.GaussianBlur(0.5))


def _draw_shape(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    x, y = (int(value) for value in rng.integers(-size // 5, size, 2))
    width, height = (int(value) for value in rng.integers(size // 20, size // 2, 2))
    kind = int(rng.integers(4))
    if kind == 0:
        draw.rectangle((x, y, x + width, y + height), fill=colour)
    elif kind == 1:
        draw.ellipse((x, y, x + width, y + height), fill=colour)
    elif kind == 2:
        points = [(int(a), int(b)) for a, b in rng.integers(0, size, (3, 2))]
        draw.polygon(points, fill=colour)
    else:
        end = tuple(int(value) for value in rng.integers(0, size, 2))
        draw.line((x, y, *end), fill=colour, width=int(rng.integers(1, 6)))
