"""FGrade: photographs of tomatoes while they rot, freshness (Das, Kar, Sekh 2021, CVIP 2020).

`Training_set/` and `Testing_set/` have a folder for each grade, 0 (fresh) to 9 (rotten): the grade
that most of ten volunteers gave. Here fresh is high: a score is 10 less the folder's number. A name
is letters for the tomato, which may be none, and digits for the photograph: `AAaa040.jpg`. The
shipped split has photographs of one tomato on both sides, so it is not used: tomatoes are the
groups of one that is drawn.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable
from selfscore.datasets.pixels import SUFFIXES

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

_PLACE = re.compile(r"(?:.*/)?((Training_set|Testing_set)/(\d+)/([^/]+))")
_NAME = re.compile(r"([A-Za-z]*)\d+")
_FRESH = 10


def _read(files: ScoreFiles) -> TextTable:
    found = [place for place in map(_PLACE.fullmatch, files) if place and _is_image(place[4])]
    if not found:
        raise ValueError(
            f"There is no file 'Training_set/0/*.jpg' in '{files.place}'. Name FGrade's folder "
            f"`data` as `images.scores`, and as `images.folder` too."
        )
    shipped = pd.DataFrame(
        [
            (path, str(_FRESH - int(grade)), _tomato(path), folder)
            for path, folder, grade, _ in (place.groups() for place in found)
        ],
        columns=["image", "score", "tomato", "folder"],
    ).astype("string")
    folders = shipped.groupby("tomato")["folder"].nunique()
    return TextTable(
        shipped.drop(columns="folder"),
        (
            f"fgrade: {len(shipped)} photographs of {len(folders)} tomatoes",
            f"its split is not used: {(folders > 1).sum()} of the tomatoes are on both sides",
        ),
    )


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _tomato(path: str) -> str:
    name = _NAME.fullmatch(PurePosixPath(path).stem)
    if name is None:
        raise ValueError(
            f"'{path}' does not say which tomato it shows: FGrade's names are letters for the "
            f"tomato and digits for the photograph, such as AAaa040.jpg. Rename it or remove it."
        )
    return f"tomato {name[1] or '(no letters)'}"


FORMAT = Format(
    read=_read,
    columns={"image": "image", "score": "score", "group": "tomato"},
    unit="FGrade freshness 1-10 (10 is fresh)",
    score_range=(1, _FRESH),
)
