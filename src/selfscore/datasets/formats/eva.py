"""EVA: photographs, aesthetics (Kang, Valenzise, Dufaux 2020, ATQAM/MAST).

`votes_filtered.csv` has one row per vote, and `=` as the delimiter: `image_id=user_id=score=…`. An
image's score is the mean of its votes, 0 to 10. `image_id` is the file's name without `.jpg`. There
is no official split, and nothing to group by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.delimited import as_text, read_rows
from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, unreadable

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

_LOWEST, _HIGHEST = 0, 10


def _read(files: ScoreFiles) -> TextTable:
    name = files.single("votes_filtered.csv")
    try:
        votes, _ = read_rows(as_text(files[name])[0], "=")
    except ValueError as error:
        raise unreadable(name, error) from error
    missing = {"image_id", "score"} - set(votes.columns)
    if missing:
        raise ValueError(f"'{name}' has no column {' and '.join(sorted(missing))}: is it EVA's?")
    votes["image_id"] = votes["image_id"].fillna("")
    score = pd.to_numeric(votes["score"], errors="coerce").astype(float)
    # One vote that cannot be right spoils its image: a mean over the others would hide it.
    wrong = votes[~score.between(_LOWEST, _HIGHEST)].drop_duplicates("image_id")
    means = score.groupby(votes["image_id"], sort=False).mean().astype("string")
    means.update(wrong.set_index("image_id")["score"].fillna("missing vote"))
    return TextTable(means.rename_axis("image_id").reset_index(name="score"))


FORMAT = Format(
    read=_read,
    columns={"image": "image_id", "score": "score"},
    unit="EVA mean aesthetic score 0-10",
    score_range=(_LOWEST, _HIGHEST),
)
