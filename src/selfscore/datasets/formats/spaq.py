"""SPAQ: smartphone photographs, quality (Fang et al. 2020, CVPR).

`Annotations/MOS and Image attribute scores.xlsx`: `Image name`, `MOS` (0 to 100) and attributes
that are not read. There is no official split.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import pandas as pd

from selfscore.datasets.formats.format import Format

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def _read(files: ScoreFiles) -> pd.DataFrame:
    name = files.single("MOS and Image attribute scores.xlsx")
    try:
        return pd.read_excel(io.BytesIO(files[name]), dtype="string")
    # What openpyxl raises on a file that is no workbook is mostly a zip file's error.
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        raise ValueError(f"'{name}' cannot be read as an Excel workbook: {error}.") from error


FORMAT = Format(
    read=_read,
    columns={"image": "Image name", "score": "MOS"},
    unit="SPAQ mean opinion score 0-100",
    score_range=(0, 100),
)
