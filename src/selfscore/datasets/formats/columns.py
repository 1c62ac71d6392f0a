"""Which column of a table says what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated

from pydantic import BeforeValidator

from selfscore.datasets.pixels import SUFFIXES

# What a row of scores may say.
ROLES = ("image", "score", "split", "group", "spread")
_NEEDED = ("image", "score")
# As many columns as a message lists.
_MOST = 20


def _as_name(value: object) -> object:
    """A whole number is a name too, such as 2019."""
    return str(value) if type(value) is int else value


ColumnName = Annotated[str, BeforeValidator(_as_name)]


def used_columns(
    present: Sequence[str],
    named: Mapping[str, str | None],
    usual: Mapping[str, Sequence[str]],
    table: str = "The score table",
) -> dict[str, str]:
    """The columns of a table that are used, by what they say.

    A name is found whatever its case, where it is clear which column it means.

    Args:
        present: The table's columns.
        named: Role → the column that its owner named; None where that was left open.
        usual: Role → what such a column is often called; the first that is there is taken.
        table: What messages call it.

    Raises:
        ValueError: If a column that was named is not there.
    """
    used = {}
    for role in ROLES:
        name = named.get(role)
        names = usual.get(role, ()) if name is None else (name,)
        found = next(filter(None, (find_column(each, present) for each in names)), None)
        if found is not None:
            used[role] = found
        elif name is not None:
            raise ValueError(_missing(table, role, name, present))
    return used


def find_column(name: str, present: Sequence[str]) -> str | None:
    """The column of this name, in another case if there is one such; None if there is none."""
    if name in present:
        return name
    alike = [column for column in present if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _missing(table: str, role: str, name: str, present: Sequence[str]) -> str:
    listed = ", ".join(present[:_MOST]) + (f", … ({len(present)})" if len(present) > _MOST else "")
    if any(column.lower().endswith(SUFFIXES) for column in present):
        return (
            f"{table} has no column '{name}'. Its columns are: {listed}; that looks like the line "
            f"of an image. Put a line above it that names the columns, such as image,score."
        )
    by_key = {column.casefold(): column for column in present}
    nearest = get_close_matches(name.casefold(), by_key, n=1, cutoff=0.6)
    asked = f": did you mean '{by_key[nearest[0]]}'?" if nearest else "."
    return (
        f"{table} has no column '{name}'{asked} Its columns are: {listed}. Set "
        f"`ingestion.columns.{role}` to the one with the {role}s"
        + (", and `ingestion.format` to what the table is." if role in _NEEDED else ", or to null.")
    )
