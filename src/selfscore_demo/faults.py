"""Render photographic faults of known severity on a clean picture.

Six faults, each with a severity in [0, 1] where 0 is none and 1 is the worst the demo shows. Noise
and compression are rendered with a grain of two pixels, so that a model that looks at the picture
at half its stored size still sees what a person sees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from selfscore.faithfulness import faults

#: The faults that can be drawn for a picture. ``darkness`` and ``brightness`` exclude each other.
FAULTS = faults.FAULTS
#: Columns of the severity table: the faults, and ``exposure``, the worse of dark and bright.
ATTRIBUTES = (*FAULTS, "exposure")

#: Side of a grain of noise, and radius of the worst blur, in pixels.
_GRAIN, _BLUR = 2, 3.6

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
    """Render faults on a clean picture, see `selfscore.faithfulness.faults.render_faults`.

    Args:
        picture: Clean picture, any size with even sides.
        severities: Severity in [0, 1] per fault name; a missing name counts as 0.
        rng: Source of the noise grain.

    Returns:
        An RGB picture of the same size.

    Raises:
        ValueError: If a severity is outside [0, 1].
    """
    return faults.render_faults(picture, severities, rng, _GRAIN, _BLUR)
