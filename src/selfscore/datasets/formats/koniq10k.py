"""KonIQ-10k: in-the-wild photographs, quality (Hosu et al. 2020, IEEE TIP 29).

`koniq10k_distributions_sets.csv` (https://github.com/subpic/koniq, folder metadata):
`image_name,c1,…,c5,c_total,MOS,SD,set`; `set` is the official split. MOS is on 1 to 100, though the
votes behind it (c1 to c5) are on 1 to 5. The other file that is about,
`koniq10k_scores_and_distributions.csv`, has MOS on 1 to 5 and no `set`; it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def _read(files: ScoreFiles) -> TextTable:
    name = files.single("koniq10k_distributions_sets.csv")
    return read_table(name, files[name])


FORMAT = Format(
    read=_read,
    columns={"image": "image_name", "score": "MOS", "split": "set"},
    unit="KonIQ-10k mean opinion score 1-100",
    score_range=(1, 100),
)
