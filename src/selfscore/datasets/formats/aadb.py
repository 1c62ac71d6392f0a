"""AADB: photographs, aesthetics (Kong et al. 2016, ECCV).

`imgListFiles_label/imgList{Train,Validation,TestNew}Regression_score.txt`: `name score` without a
header, 0 to 1; the files are the official split. The test images lie in a folder of their own. Two
more lists lead astray: `imgListTestRegression_score.txt` is an older test list, and the ones of
single attributes (`…_Light.txt`) are no overall scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_list

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

# Split: list, folder of its images.
_LISTS = {
    "train": ("imgListTrainRegression_score.txt", "datasetImages_originalSize"),
    "validation": ("imgListValidationRegression_score.txt", "datasetImages_originalSize"),
    "test": ("imgListTestNewRegression_score.txt", "AADB_newtest_originalSize"),
}


def _read(files: ScoreFiles) -> TextTable:
    parts = []
    for split, (file_name, folder) in _LISTS.items():
        name = files.named(file_name)
        rows = read_list(name, files[name], ["image", "score"])
        parts.append(rows.assign(image=folder + "/" + rows["image"], split=split))
    return TextTable(pd.concat(parts, ignore_index=True))


FORMAT = Format(
    read=_read,
    columns={"image": "image", "score": "score", "split": "split"},
    unit="AADB aesthetic score 0-1",
    score_range=(0, 1),
)
