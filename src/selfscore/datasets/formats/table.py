"""A table of one's own, with columns of any name; several, where the splits have one each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from selfscore.datasets.formats.columns import used_columns
from selfscore.datasets.formats.decimals import with_points
from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, is_table, read_table, unreadable

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

# What tables call the columns that they need not have; `scene` are groups of one scene.
_USUAL = {"split": ("split",), "group": ("group", "scene")}
# In the names of tables.
_SPLITS = re.compile(r"(?<![a-z])(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)(?![a-z])")
_REMEDY = (
    "Name the table itself as `images.scores`, or set `ingestion.format` to the data set's name."
)


def described(
    columns: Mapping[str, str | None],
    unit: str | None,
    score_range: tuple[float, float] | None,
) -> Format:
    """The format of a table whose meaning its owner has described.

    Args:
        columns: Name in the table of `image`, `score`, `split`, `group` and `spread`. None for
            `split` or `group`: what it is often called, if it is there; for `spread`: none.
        unit: The scale in words; None if that was not said.
        score_range: Lowest and highest score that can occur; None if that is not known.
    """
    return Format(partial(_read, columns=columns), columns, unit, score_range, _USUAL)


def _read(files: ScoreFiles, columns: Mapping[str, str | None]) -> TextTable:
    names = list(files) if files.is_one_file else [name for name in files if is_table(name)]
    if not names:
        raise ValueError(f"There is no table in '{files.place}'. {_REMEDY}")
    tables = {name: _read_one(name, files[name], columns) for name in names}
    if len(tables) == 1:
        return next(iter(tables.values()))
    used = {name: _used(name, table.rows, columns) for name, table in tables.items()}
    for role in _USUAL:
        lacking = [name for name in used if role not in used[name]]
        column = next((each[role] for each in used.values() if role in each), "")
        if lacking and column:
            raise ValueError(
                f"The table '{lacking[0]}' has no column '{column}'; its columns are: "
                f"{', '.join(tables[lacking[0]].rows.columns)}. It is one of {len(tables)} tables "
                f"in '{files.place}', which are read together. {_REMEDY}"
            )
    recognised = [word for table in tables.values() for word in table.recognised]
    # The first table's names, as another may have them in another case.
    first = used[names[0]]
    parts = {
        name: table.rows.rename(columns={used[name][role]: first[role] for role in first})
        for name, table in tables.items()
    }
    splits = {} if "split" in first else _splits_by_name(names)
    if splits:
        recognised.append("splits by the names of the tables")
        parts = {name: part.assign(split=splits[name]) for name, part in parts.items()}
    return TextTable(pd.concat(parts.values(), ignore_index=True), tuple(recognised))


def _used(name: str, rows: pd.DataFrame, columns: Mapping[str, str | None]) -> dict[str, str]:
    return used_columns(list(rows.columns), columns, _USUAL, f"The table '{name}'")


def _read_one(name: str, content: bytes, columns: Mapping[str, str | None]) -> TextTable:
    """Read a table; what is recognised begins with its name."""
    table = read_table(name, content)
    rows, recognised = table.rows, table.recognised
    used = _used(name, rows, columns)
    twice = rows.columns[rows.columns.duplicated()].intersection(list(used.values()))
    if not twice.empty:
        raise unreadable(name, ValueError(f"it has two columns '{twice.min()}'"))
    for column in (used[role] for role in ("score", "spread") if role in used):
        try:
            numbers = with_points(rows[column], sure=table.separator == ";")
        except ValueError as error:
            raise unreadable(name, error) from error
        if numbers is not None:
            rows = rows.assign(**{column: numbers})
            recognised = tuple(dict.fromkeys((*recognised, "decimal commas")))
    return TextTable(rows, (f"{name}: {len(rows)} rows", *recognised))


def _splits_by_name(names: Sequence[str]) -> dict[str, str]:
    """What every table's name, or its folder's, says of its split; empty if one says nothing."""
    found = {name: _SPLITS.findall(name.lower()) for name in names}
    splits = {name: words[-1] for name, words in found.items() if words}
    complete = len(splits) == len(names) and any(s.startswith("train") for s in splits.values())
    return splits if complete else {}
