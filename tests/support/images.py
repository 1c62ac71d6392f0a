"""Images made by the tests."""

import numpy as np
from PIL import Image


def coloured_images(count: int, size: int = 40) -> dict[str, Image.Image]:
    """`count` different noisy images, by file name."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (count, size, size, 3), dtype=np.uint8)
    return {f"{i}.png": Image.fromarray(pixels[i]) for i in range(count)}
