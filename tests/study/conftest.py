from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from images import coloured_images
from PIL import Image
from small_study import items

from selfscore.datasets.records import RecordsDataset


@pytest.fixture(scope="session")
def shown() -> pd.DataFrame:
    return items()


@pytest.fixture(scope="session")
def pictures(shown: pd.DataFrame) -> dict[str, Image.Image]:
    paths = shown["path"].unique()
    return dict(zip(paths, coloured_images(len(paths)).values(), strict=True))


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return RecordsDataset(filepath=str(tmp_path / "answers")).load()
