"""AGIQA-3K: generated images, quality and fit to the prompt (Li et al. 2023, IEEE TCSVT 34).

`data.csv`: `name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align`. The score is
`mos_quality`, 0 to 5. There is no official split; the images of one prompt form a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def _read(files: ScoreFiles) -> TextTable:
    name = files.single("data.csv")
    return read_table(name, files[name])


FORMAT = Format(
    read=_read,
    columns={"image": "name", "score": "mos_quality", "group": "prompt"},
    unit="AGIQA-3K quality mean opinion score 0-5",
    score_range=(0, 5),
)
