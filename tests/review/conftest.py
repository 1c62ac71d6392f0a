from __future__ import annotations

import pandas as pd
import pytest
from images import coloured_images
from PIL import Image
from small_pairs import IMAGES, generations, readings, scored_images

from selfscore.review.pairs import pairs_to_read


@pytest.fixture
def pairs() -> pd.DataFrame:
    return pairs_to_read({1: (generations(), readings())}, scored_images(), 50, 0)


@pytest.fixture(scope="session")
def pictures() -> dict[str, Image.Image]:
    images = coloured_images(IMAGES).values()
    return {f"image_{place}.png": image for place, image in enumerate(images)}
