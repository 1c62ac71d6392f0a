"""KADID-10k: 81 pictures, each distorted in 125 ways (Lin, Hosu, Saupe 2019, QoMEX).

`dmos.csv`: `dist_img,ref_img,dmos,var`. Despite its name `dmos` is higher for better images, 1 to
5. There is no official split; the distorted versions of one picture form a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def _read(files: ScoreFiles) -> TextTable:
    name = files.single("dmos.csv")
    return read_table(name, files[name])


FORMAT = Format(
    read=_read,
    columns={"image": "dist_img", "score": "dmos", "group": "ref_img"},
    unit="KADID-10k differential mean opinion score 1-5 (5 is best)",
    score_range=(1, 5),
)
