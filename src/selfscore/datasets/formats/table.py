"""A table of one's own: CSV, TSV, JSON lines or Parquet, with columns of any name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles


def described(columns: Mapping[str, str], unit: str, score_range: Sequence[float] | None) -> Format:
    """The format of a table whose meaning its owner has described.

    Args:
        columns: Name in the table of `image`, `score`, `split` and `group`; the last two may be
            missing from the table.
        unit: The scale in words.
        score_range: Lowest and highest score that can occur; None if that is not known.

    Raises:
        ValueError: If the range is not two numbers in order.
    """
    if score_range is not None and not (
        len(score_range) == 2 and float(score_range[0]) < float(score_range[1])
    ):
        raise ValueError(
            f"`ingestion.score_range` must be null or the lowest and the highest score, such as "
            f"[1, 5], not {score_range}."
        )
    return Format(
        read=_read,
        columns=columns,
        unit=unit,
        score_range=None if score_range is None else (float(score_range[0]), float(score_range[1])),
        optional=frozenset({"split", "group"}),
    )


def _read(files: ScoreFiles) -> pd.DataFrame:
    if not files.is_one_file:
        raise ValueError(
            f"`images.scores` is the folder '{files.place}', and `ingestion.format` is table. Name "
            f"the table itself, or set `ingestion.format` to the data set's name."
        )
    name = next(iter(files))
    return read_table(name, files[name])
