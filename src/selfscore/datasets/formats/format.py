"""What there is to know about a format of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from selfscore.datasets.formats.text import TextTable

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


@dataclass(frozen=True)
class Format:
    """How a format of scores is read, and what its scores mean.

    Attributes:
        read: From the files that `images.scores` names to a table of text with one row per image.
        columns: Its column for each of `image` (path below the image folder, or the end of it),
            `score`, and where the format has them `split` and `group` (images that must stay on
            one side of a split) and `spread` (standard deviation of the raters, in the unit of the
            score); None where the table itself has to tell, see `usual`.
        unit: The scale in words; None if that is not known.
        score_range: Lowest and highest score that can occur; None if that is not known.
        usual: What a column that is not named is often called; there may be none.
    """

    read: Callable[[ScoreFiles], TextTable]
    columns: Mapping[str, str | None]
    unit: str | None
    score_range: tuple[float, float] | None
    usual: Mapping[str, Sequence[str]] = field(default_factory=dict)
