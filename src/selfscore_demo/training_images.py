"""Make the images the demo model is pre-trained on."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from selfscore.running.bar import Bar
from selfscore_demo.crops import random_crop
from selfscore_demo.faults import ATTRIBUTES, draw_severities, render_faults
from selfscore_demo.procedural import draw_picture


@dataclass(frozen=True)
class TrainingImages:
    """Images at the model's input size and what is wrong with them.

    Attributes:
        pixels: Array (n, size, size, 3) of uint8.
        severities: One float array (n,) per attribute, values in [0, 1].
    """

    pixels: np.ndarray
    severities: dict[str, np.ndarray]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """One flat mapping, to be stored."""
        return {"pixels": self.pixels} | {
            f"severities.{name}": values for name, values in self.severities.items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> TrainingImages:
        """The images that `to_arrays` flattened."""
        severities = {
            name.removeprefix("severities."): values
            for name, values in arrays.items()
            if name != "pixels"
        }
        return cls(arrays["pixels"], severities)


def render_training_images(
    photographs: Sequence[Image.Image],
    count: int,
    stored_size: int,
    input_size: int,
    procedural_share: float,
    jpeg_quality: int,
    rng: np.random.Generator,
) -> TrainingImages:
    """Render faulty crops of photographs and made-up pictures, stored and shrunk like demo images.

    Args:
        photographs: Sources whose scenes appear in no demo split.
        count: How many images.
        stored_size: Side in pixels at which a picture would be stored.
        input_size: Side in pixels that the model sees.
        procedural_share: Share in [0, 1] of made-up pictures.
        jpeg_quality: Quality at which a picture would be stored.
        rng: Source of randomness.

    Returns:
        ``count`` images with their severities.
    """
    pixels = np.empty((count, input_size, input_size, 3), dtype=np.uint8)
    rows = []
    for index in Bar(range(count), desc="render", unit=" images"):
        if rng.random() < procedural_share:
            clean = draw_picture(rng, stored_size)
        else:
            source = photographs[int(rng.integers(len(photographs)))]
            clean = random_crop(source, stored_size, rng, jitter=0.15)
        severities = draw_severities(rng)
        faulty = _store(render_faults(clean, severities, rng), jpeg_quality)
        shrunk = faulty.resize((input_size, input_size), Image.Resampling.BOX)
        pixels[index] = np.asarray(shrunk)
        rows.append([severities[name] for name in ATTRIBUTES])
    table = np.asarray(rows, dtype=np.float32)
    return TrainingImages(pixels, {name: table[:, i] for i, name in enumerate(ATTRIBUTES)})


def _store(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")
