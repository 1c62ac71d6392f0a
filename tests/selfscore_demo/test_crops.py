"""Clean pictures: crops of photographs and made-up ones."""

from __future__ import annotations

import numpy as np
from PIL import Image

from selfscore_demo.crops import random_crop
from selfscore_demo.procedural import draw_picture


def test_crops_are_square_varied_and_repeatable() -> None:
    photograph = draw_picture(np.random.default_rng(0), 300).crop((0, 0, 300, 200))
    rng = np.random.default_rng(1)
    crops = [random_crop(photograph, 160, rng) for _ in range(4)]
    assert {crop.size for crop in crops} == {(160, 160)}
    assert len({crop.tobytes() for crop in crops}) == 4
    again = random_crop(photograph, 160, np.random.default_rng(1))
    assert again.tobytes() == crops[0].tobytes()


def test_a_grey_photograph_becomes_rgb() -> None:
    grey = Image.new("L", (90, 70), 100)
    assert random_crop(grey, 64, np.random.default_rng(0), jitter=0.2).mode == "RGB"


def test_made_up_pictures_differ_and_have_detail() -> None:
    rng = np.random.default_rng(0)
    pictures = [np.asarray(draw_picture(rng, 80), int) for _ in range(5)]
    assert all(picture.std() > 15 for picture in pictures)
    assert np.abs(pictures[0] - pictures[1]).mean() > 15
