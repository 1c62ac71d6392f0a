"""Photographic faults of known severity, rendered on a picture.

Knows pixels; knows no model and no text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageFilter

Fault = Literal["blur", "noise", "darkness", "brightness", "contrast", "colour", "compression"]
FAULTS: tuple[str, ...] = get_args(Fault)

# Of a picture's longer side: the radius of the worst blur, and the grain of noise and compression,
# which has to be seen by a model that looks at the picture much smaller than it is.
_BLUR = 3.6 / 160
_GRAINS = 256
_FINEST_GRAIN = 2


def render_fault(
    picture: Image.Image, fault: str, severity: float, rng: np.random.Generator
) -> Image.Image:
    """One fault on a picture of any size, alike to the eye whatever the size.

    Args:
        picture: of any mode; it may have faults already, to which this one is added.
        fault: one of `FAULTS`.
        severity: from 0, none, to 1, the worst.
        rng: of the noise's grain.

    Returns:
        An RGB picture of the same size.

    Raises:
        ValueError: the severity is outside of [0, 1].
    """
    side = max(picture.size)
    grain = max(_FINEST_GRAIN, side // _GRAINS)
    return render_faults(picture, {fault: severity}, rng, grain, _BLUR * side)


def render_faults(
    picture: Image.Image,
    severities: Mapping[str, float],
    rng: np.random.Generator,
    grain: int,
    blur: float,
) -> Image.Image:
    """Several faults on one picture.

    Args:
        picture: of any mode.
        severities: severity in [0, 1] per name in `FAULTS`; a missing one counts as 0, and what is
            none of them is not looked at.
        rng: of the noise's grain.
        grain: side of a grain of noise, and how much smaller than the picture the one is that is
            compressed, in pixels.
        blur: radius of the worst blur, in pixels.

    Returns:
        An RGB picture of the same size.

    Raises:
        ValueError: a severity is outside of [0, 1].
    """
    for name, value in severities.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Severity {name}={value} is outside [0, 1]; give a value inside.")
    level = {name: float(severities.get(name, 0.0)) for name in FAULTS}
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0
    pixels = _fade(pixels, level["colour"])
    pixels = _flatten(pixels, level["contrast"])
    pixels = _expose(pixels, level["darkness"], level["brightness"])
    pixels = _blur(pixels, level["blur"], blur)
    # Noise comes last: compression would otherwise erase the very grain whose severity is stated.
    pixels = _compress(pixels, level["compression"], grain)
    pixels = _add_noise(pixels, level["noise"], rng, grain)
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


def _blur(pixels: np.ndarray, severity: float, radius: float) -> np.ndarray:
    if severity < 0.02:
        return pixels
    blurred = _to_image(pixels).filter(ImageFilter.GaussianBlur(radius * severity))
    return np.asarray(blurred, dtype=np.float32) / 255.0


def _compress(pixels: np.ndarray, severity: float, grain: int) -> np.ndarray:
    if severity < 0.02:
        return pixels
    stored = _to_image(pixels)
    width, height = -(-stored.width // grain), -(-stored.height // grain)
    small = stored.resize((width, height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=round(5 + 50 * (1.0 - severity) ** 2), subsampling=2)
    buffer.seek(0)
    damage = np.asarray(Image.open(buffer), dtype=np.float32) - np.asarray(small, dtype=np.float32)
    # Only the damage is enlarged, so that compression does not also look like blur.
    return np.clip(pixels + _enlarged(damage / 255.0, grain, pixels), 0.0, 1.0)


def _add_noise(
    pixels: np.ndarray, severity: float, rng: np.random.Generator, grain: int
) -> np.ndarray:
    height, width = -(-pixels.shape[0] // grain), -(-pixels.shape[1] // grain)
    luma = rng.standard_normal((height, width, 1), dtype=np.float32)
    chroma = rng.standard_normal((height, width, 3), dtype=np.float32)
    grains = np.float32(0.14 * severity) * (0.85 * luma + 0.5 * chroma)
    return np.asarray(pixels + _enlarged(grains, grain, pixels))


def _enlarged(values: np.ndarray, times: int, like: np.ndarray) -> np.ndarray:
    whole = values.repeat(times, axis=0).repeat(times, axis=1)
    return np.asarray(whole[: like.shape[0], : like.shape[1]])
