"""SPAQ: smartphone photographs, quality (Fang et al. 2020, CVPR).

`Annotations/MOS and Image attribute scores.xlsx`: `Image name`, `MOS` (0 to 100) and attributes
that are not read. There is no official split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def _read(files: ScoreFiles) -> TextTable:
    name = files.single("MOS and Image attribute scores.xlsx")
    return read_table(name, files[name])


FORMAT = Format(
    read=_read,
    columns={"image": "Image name", "score": "MOS"},
    unit="SPAQ mean opinion score 0-100",
    score_range=(0, 100),
)
