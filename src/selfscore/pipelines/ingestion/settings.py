"""Settings of ingestion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from selfscore.configuration.settings_class import Count, Share, settings_class
from selfscore.datasets.formats.columns import ColumnName
from selfscore.datasets.formats.preferences import Comparisons
from selfscore.scored_images.score_scale import MOST_LEVELS, Method

# The user's own tables, and keys of `selfscore.datasets.formats.PUBLISHED`.
FormatName = Literal[
    "table",
    "preferences",
    "aadb",
    "agiqa3k",
    "ava",
    "eva",
    "fgrade",
    "kadid10k",
    "koniq10k",
    "para",
    "spaq",
]


@settings_class
class Columns:
    """The section `ingestion.columns`: what the columns of a table are called.

    Attributes:
        image: the image's name, path, or end of its path.
        score: its score.
        split: its split; None takes a column of the usual name, if there is one.
        group: what must stay on one side of a split; None likewise.
        spread: standard deviation of its raters, in the unit of the scores; None: not known.
    """

    image: ColumnName
    score: ColumnName
    split: ColumnName | None
    group: ColumnName | None
    spread: ColumnName | None


@settings_class
class IngestionSettings:
    """The section `ingestion`.

    Attributes:
        format: how the scores are written.
        columns: of a table.
        comparisons: of a table of preferences.
        unit: the scale of the scores in words; None takes the name of their column.
        score_range: lowest and highest score that can occur; None takes any number.
        levels: number of levels at most, written from 0.
        method: how the levels are fitted.
        validation_share: share of the images for validation where the split is drawn.
        test_share: share for the test.
        max_quarantine: share of the rows that may be unusable, or the run stops.
        threads: images that are decoded at the same time.
        max_images_per_split: images of a seeded subset; None takes all.
        shuffle_labels: whether the scores of training images change places, and those of validation
            images: a control.
    """

    format: FormatName
    columns: Columns
    comparisons: Comparisons
    unit: str | None
    score_range: tuple[float, float] | None
    levels: Annotated[int, Field(ge=2, le=MOST_LEVELS)]
    method: Method
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    test_share: Annotated[float, Field(gt=0, lt=1)]
    max_quarantine: Share
    threads: Count
    max_images_per_split: Count | None
    shuffle_labels: bool

    def __post_init__(self) -> None:
        if self.score_range is not None and not self.score_range[0] < self.score_range[1]:
            raise ValueError("`score_range` must be the lowest and then the highest score")
        if self.validation_share + self.test_share >= 1:
            raise ValueError("`validation_share` and `test_share` must be below 1 together")
