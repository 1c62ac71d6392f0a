"""AVA: photographs of a web community, aesthetics (Murray, Marchesotti, Perronnin 2012, CVPR).

`AVA.txt`, separated by blanks and without a header: index, image id, how often each of the scores 1
to 10 was given, two tags, challenge. An image's score is the mean of its votes.
`aesthetics_image_lists/generic_test.jpgl` has the ids of the official test images, one a line; the
others are for training, and validation images are drawn from them. Photographers are not named, so
there is no group. Of the images some are missing or broken in every copy that is about.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_list

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

logger = logging.getLogger(__name__)

_TEST_LIST = "generic_test.jpgl"
_SCORES = range(1, 11)
_COUNTS = [f"votes_{score}" for score in _SCORES]
_COLUMNS = ["index", "image_id", *_COUNTS, "tag_1", "tag_2", "challenge"]


def _read(files: ScoreFiles) -> TextTable:
    name = files.named("AVA.txt")
    rows = read_list(name, files[name], _COLUMNS)
    counts = rows[_COUNTS].apply(pd.to_numeric, errors="coerce")
    votes = counts.sum(axis=1, skipna=False)
    mean = (counts * list(_SCORES)).sum(axis=1, skipna=False) / votes.where(votes > 0)
    table = pd.DataFrame({"image": rows["image_id"] + ".jpg", "score": mean.astype("string")})
    return TextTable(table.assign(split=_split(files, rows["image_id"])))


def _split(files: ScoreFiles, image_ids: pd.Series) -> pd.Series:
    name = files.find(_TEST_LIST)
    if name is None:
        logger.warning(
            "'%s' has no file '%s': the test images are drawn, and are not AVA's official ones.",
            files.place,
            _TEST_LIST,
        )
        return pd.Series("", index=image_ids.index)
    test = set(files[name].decode().split())
    return image_ids.isin(test).map({True: "test", False: "train"})


FORMAT = Format(
    read=_read,
    columns={"image": "image", "score": "score", "split": "split"},
    unit="AVA mean score 1-10",
    score_range=(1, 10),
)
