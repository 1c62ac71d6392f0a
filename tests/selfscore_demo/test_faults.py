"""Rendering faults of known severity."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from selfscore_demo.faults import ATTRIBUTES, FAULTS, draw_severities, render_faults
from selfscore_demo.procedural import draw_picture


@pytest.fixture(scope="module")
def clean() -> Image.Image:
    """A colourful picture with fine detail and room for brightening and darkening."""
    rng = np.random.default_rng(3)
    pixels = np.asarray(draw_picture(rng, 160), dtype=np.float32) * 0.6 + 40
    return Image.fromarray(pixels.astype(np.uint8))


def _measure(fault: str, picture: Image.Image, clean: Image.Image) -> float:
    """A number that grows with the fault."""
    seen, true = (np.asarray(p, dtype=np.float64) for p in (picture, clean))
    grey = seen.mean(axis=2)
    if fault == "blur":
        return -float(np.abs(np.diff(grey, axis=1)).mean())
    if fault == "darkness":
        return -float(grey.mean())
    if fault == "brightness":
        return float(grey.mean())
    if fault == "contrast":
        return -float(grey.std())
    if fault == "colour":
        return -float((seen.max(axis=2) - seen.min(axis=2)).mean())
    return float(np.abs(seen - true).mean())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_grows_with_its_severity(fault: str, clean: Image.Image) -> None:
    found = [
        _measure(fault, render_faults(clean, {fault: s}, np.random.default_rng(0)), clean)
        for s in (0.0, 0.3, 0.6, 1.0)
    ]
    assert all(np.diff(found) > 0), found


@pytest.mark.parametrize("fault", ["blur", "noise", "compression", "colour", "contrast"])
def test_a_fault_survives_halving_the_picture(fault: str, clean: Image.Image) -> None:
    half = clean.resize((80, 80), Image.Resampling.BOX)
    weak, strong = (
        _measure(
            fault,
            render_faults(clean, {fault: s}, np.random.default_rng(0)).resize(
                (80, 80), Image.Resampling.BOX
            ),
            half,
        )
        for s in (0.1, 0.9)
    )
    assert strong > weak + 1.0


def test_no_fault_leaves_the_picture_as_it_is(clean: Image.Image) -> None:
    same = render_faults(clean, dict.fromkeys(FAULTS, 0.0), np.random.default_rng(0))
    assert np.abs(np.asarray(same, int) - np.asarray(clean, int)).max() <= 1


def test_severity_outside_its_range_is_refused(clean: Image.Image) -> None:
    with pytest.raises(ValueError, match="blur=1.2"):
        render_faults(clean, {"blur": 1.2}, np.random.default_rng(0))


def test_drawn_severities_are_complete_and_exposure_goes_one_way() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_severities(rng) for _ in range(400)]
    for row in drawn:
        assert tuple(row) == ATTRIBUTES
        assert min(row["darkness"], row["brightness"]) == 0.0
        assert row["exposure"] == max(row["darkness"], row["brightness"])
    faulty = np.mean([[row["blur"] > 0.1] for row in drawn])
    assert 0.38 < faulty < 0.52
    assert sum(row["darkness"] > 0 for row in drawn) > 100
    assert sum(row["brightness"] > 0 for row in drawn) > 100
