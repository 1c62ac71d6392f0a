"""Render photographic faults of known severity on a clean picture.

Six faults, each with a severity in [0, 1] where 0 is none and 1 is the worst the demo shows. Noise
and compression are rendered with a grain of two pixels, so that a model that looks at the picture
at half its stored size still sees what a person sees.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageFilter

#: The faults that can be drawn for a picture. ``darkness`` and ``brightness`` exclude each other.
FAULTS = ("blur", "noise", "darkness", "brightness", "contrast", "colour", "compression")
#: Columns of the severity table: the faults, and ``exposure``, the worse of dark and bright.
ATTRIBUTES = (*FAULTS, "exposure")

Severities = dict[str, float]


def draw_severities(rng: np.random.Generator, share_faulty: float = 0.45) -> Severities:
    """Draw the severities of one picture.

    Args:
        rng: Source of randomness.
        share_faulty: Probability in [0, 1] that a given fault is present at all.

    Returns:
        One value in [0, 1] per name in :data:`ATTRIBUTES`. A fault that is absent still has a
        small value below 0.1, which cannot be seen.
    """

    def one() -> float:
        if rng.random() < share_faulty:
            return float(rng.uniform(0.15, 1.0))
        return float(rng.uniform(0.0, 0.1))

    drawn = {name: one() for name in ("blur", "noise", "contrast", "colour", "compression")}
    exposure = one()
    too_dark = bool(rng.random() < 0.5)
    drawn["darkness"] = exposure if too_dark else 0.0
    drawn["brightness"] = 0.0 if too_dark else exposure
    drawn["exposure"] = exposure
    return {name: drawn[name] for name in ATTRIBUTES}


def render_faults(
    picture: Image.Image, severities: Mapping[str, float], rng: np.random.Generator
) -> Image.Image:
    """Render faults on a clean picture.

    Args:
        picture: Clean picture, any size with even sides.
        severities: Severity in [0, 1] per fault name; a missing name counts as 0.
        rng: Source of the noise grain.

    Returns:
        An RGB picture of the same size.

    Raises:
        ValueError: If a severity is outside [0, 1].
    """
    for name, value in severities.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Severity {name}={value} is outside [0, 1]; give a value inside.")
    level = {name: float(severities.get(name, 0.0)) for name in FAULTS}
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0
    pixels = _fade(pixels, level["colour"])
    pixels = _flatten(pixels, level["contrast"])
    pixels = _expose(pixels, level["darkness"], level["brightness"])
    pixels = _blur(pixels, level["blur"])
    # Noise comes last: compression would otherwise erase the very grain whose severity is stated.
    pixels = _compress(pixels, level["compression"])
    pixels = _add_noise(pixels, level["noise"], rng)
    return _to_image(pixels)


def _to_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(pixels, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))


def _fade(pixels: np.ndarray, severity: float) -> np.ndarray:
    grey = pixels @ np.asarray([0.299, 0.587, 0.114], dtype=np.float32)
    return grey[..., None] + (pixels - grey[..., None]) * np.float32(1.0 - 0.95 * severity)


def _flatten(pixels: np.ndarray, severity: float) -> np.ndarray:
    middle = np.float32(0.5 * pixels.mean() + 0.3)
    return middle + (pixels - middle) * np.float32(1.0 - 0.75 * severity)


def _expose(pixels: np.ndarray, darkness: float, brightness: float) -> np.ndarray:
    if darkness > 0.0:
        pixels = pixels * np.float32(1.0 - 0.72 * darkness)
    if brightness > 0.0:
        pixels = pixels * np.float32(1.0 + 0.5 * brightness) + np.float32(0.25 * brightness)
    return np.clip(pixels, 0.0, 1.0)


def _blur(pixels: np.ndarray, severity: float) -> np.ndarray:
    if severity < 0.02:
        return pixels
    blurred = _to_image(pixels).filter(ImageFilter.GaussianBlur(3.6 * severity))
    return np.asarray(blurred, dtype=np.float32) / 255.0


def _compress(pixels: np.ndarray, severity: float) -> np.ndarray:
    if severity < 0.02:
        return pixels
    stored = _to_image(pixels)
    half = stored.resize((stored.width // 2, stored.height // 2), Image.Resampling.BOX)
    buffer = io.BytesIO()
    half.save(buffer, "JPEG", quality=round(5 + 50 * (1.0 - severity) ** 2), subsampling=2)
    buffer.seek(0)
    damage = np.asarray(Image.open(buffer), dtype=np.float32) - np.asarray(half, dtype=np.float32)
    # Only the damage is enlarged, so that compression does not also look like blur.
    return np.clip(pixels + _double(damage / 255.0), 0.0, 1.0)


def _add_noise(pixels: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    luma = rng.standard_normal((height, width, 1), dtype=np.float32)
    chroma = rng.standard_normal((height, width, 3), dtype=np.float32)
    grain = np.float32(0.14 * severity) * (0.85 * luma + 0.5 * chroma)
    return np.asarray(pixels + _double(grain))


def _double(values: np.ndarray) -> np.ndarray:
    return values.repeat(2, axis=0).repeat(2, axis=1)
