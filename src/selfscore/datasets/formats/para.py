"""PARA: photographs, aesthetics (Yang et al. 2022, CVPR).

`PARA-GiaaTrain.csv` and `PARA-GiaaTest.csv` have one row per image, with the mean over its raters
in `aestheticScore_mean`, 1 to 5; the files are the official split, and validation images are drawn
from the first. An image lies in the folder of its session: `imgs/<sessionId>/<imageName>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

_FILES = {"train": "PARA-GiaaTrain.csv", "test": "PARA-GiaaTest.csv"}


def _read(files: ScoreFiles) -> TextTable:
    parts = []
    for split, file_name in _FILES.items():
        name = files.named(file_name)
        parts.append(read_table(name, files[name]).rows.assign(split=split))
    table = pd.concat(parts, ignore_index=True)
    return TextTable(table.assign(path=table["sessionId"] + "/" + table["imageName"]))


FORMAT = Format(
    read=_read,
    columns={"image": "path", "score": "aestheticScore_mean", "split": "split"},
    unit="PARA mean aesthetic score 1-5",
    score_range=(1, 5),
)
