"""What there is to know about a format of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


@dataclass(frozen=True)
class Format:
    """How a format of scores is read, and what its scores mean.

    Attributes:
        read: From the files that `images.scores` names to a table of text with one row per image.
        columns: Its column for each of `image` (path below the image folder, or the end of it),
            `score`, and where the format has them `split` and `group` (images that must stay on
            one side of a split).
        unit: The scale in words.
        score_range: Lowest and highest score that can occur; None if that is not known.
        optional: Which of the columns may be missing from the table.
    """

    read: Callable[[ScoreFiles], pd.DataFrame]
    columns: Mapping[str, str]
    unit: str
    score_range: tuple[float, float] | None
    optional: frozenset[str] = frozenset()
