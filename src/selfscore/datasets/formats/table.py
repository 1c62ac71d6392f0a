"""A table of one's own, with columns of any name; several, where the splits have one each."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.decimals import with_points
from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import is_table, read_table, unreadable

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

logger = logging.getLogger(__name__)

_OPTIONAL = frozenset({"split", "group"})
# In the names of tables.
_SPLITS = re.compile(r"(?<![a-z])(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)(?![a-z])")
# Times the distance between the quartiles: beyond what long tails of opinion scores reach.
_FAR = 8
_REMEDY = (
    "Name the table itself as `images.scores`, or set `ingestion.format` to the data set's name."
)


def described(
    columns: Mapping[str, str | int], unit: str, score_range: tuple[float, float] | None
) -> Format:
    """The format of a table whose meaning its owner has described.

    Args:
        columns: Name in the table of `image`, `score`, `split` and `group`; the last two may be
            missing from the table. A name may be a number, such as 2019.
        unit: The scale in words.
        score_range: Lowest and highest score that can occur; None if that is not known.
    """
    named = {role: str(name) for role, name in columns.items()}
    return Format(
        read=partial(_read, columns=named),
        columns=named,
        unit=unit,
        score_range=score_range,
        optional=_OPTIONAL,
    )


def _read(files: ScoreFiles, columns: Mapping[str, str]) -> pd.DataFrame:
    names = list(files) if files.is_one_file else [name for name in files if is_table(name)]
    if not names:
        raise ValueError(f"There is no table in '{files.place}'. {_REMEDY}")
    tables = {name: _read_one(name, files[name], columns) for name in names}
    if len(tables) == 1:
        return next(iter(tables.values()))
    for role, column in columns.items():
        lacking = [name for name, table in tables.items() if column not in table.columns]
        if lacking and (role not in _OPTIONAL or len(lacking) < len(tables)):
            raise ValueError(
                f"The table '{lacking[0]}' has no column '{column}'; its columns are: "
                f"{', '.join(tables[lacking[0]].columns)}. It is one of {len(tables)} tables in "
                f"'{files.place}', which are read together. {_REMEDY}"
            )
    splits = _splits_by_name(tables)
    if splits and not any(columns.get("split") in table.columns for table in tables.values()):
        logger.info(
            "The tables' names say the split: %s.",
            ", ".join(f"{name} is {split}" for name, split in splits.items()),
        )
        column = columns.get("split", "split")
        tables = {name: tables[name].assign(**{column: split}) for name, split in splits.items()}
    return pd.concat(tables.values(), ignore_index=True)


def _read_one(name: str, content: bytes, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a table, and say in one line what was recognised."""
    table = read_table(name, content)
    rows, recognised = table.rows, table.recognised
    used = set(columns.values())
    twice = used.intersection(rows.columns[rows.columns.duplicated()])
    if twice:
        raise unreadable(name, ValueError(f"it has two columns '{min(twice)}'"))
    score = columns["score"]
    if score in rows.columns:
        try:
            scores = with_points(rows[score], sure=table.separator == ";")
        except ValueError as error:
            raise unreadable(name, error) from error
        if scores is not None:
            rows = rows.assign(**{score: scores})
            recognised = (*recognised, "decimal commas")
    logger.info("%s.", ", ".join([f"{name}: {len(rows)} rows", *recognised]))
    if score in rows.columns:
        _warn_of_outliers(name, rows[score])
    return rows


def _warn_of_outliers(name: str, cells: pd.Series) -> None:
    """Tell of scores far from the others: slips such as 50 for 5.0, or -999 for "none"."""
    scores = pd.to_numeric(cells, errors="coerce").astype(float).dropna()
    low, high = scores.quantile(0.25), scores.quantile(0.75)
    far = scores[(scores < low - _FAR * (high - low)) | (scores > high + _FAR * (high - low))]
    if high > low and not far.empty:
        logger.warning(
            "%s: %d scores lie far from the others, which are mostly %g to %g: %s. If they are "
            "slips, mend them, or set `ingestion.score_range`.",
            name,
            len(far),
            low,
            high,
            ", ".join(f"{score:g}" for score in sorted(set(far))[:5]),
        )


def _splits_by_name(names: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """What every table's name, or its folder's, says of its split; empty if one says nothing."""
    found = {name: _SPLITS.findall(name.lower()) for name in names}
    splits = {name: words[-1] for name, words in found.items() if words}
    complete = len(splits) == len(names) and any(s.startswith("train") for s in splits.values())
    return splits if complete else {}
