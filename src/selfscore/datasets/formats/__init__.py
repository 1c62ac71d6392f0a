"""The formats of scores, by the name that `ingestion.format` gives.

A new one is a module with a `FORMAT`, and a line in `PUBLISHED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from selfscore.datasets.formats import (
    aadb,
    agiqa3k,
    ava,
    eva,
    fgrade,
    kadid10k,
    koniq10k,
    para,
    preferences,
    spaq,
    table,
)
from selfscore.datasets.formats.format import Format

PUBLISHED: Mapping[str, Format] = MappingProxyType(
    {
        "aadb": aadb.FORMAT,
        "agiqa3k": agiqa3k.FORMAT,
        "ava": ava.FORMAT,
        "eva": eva.FORMAT,
        "fgrade": fgrade.FORMAT,
        "kadid10k": kadid10k.FORMAT,
        "koniq10k": koniq10k.FORMAT,
        "para": para.FORMAT,
        "spaq": spaq.FORMAT,
    }
)


def chosen(
    name: str,
    columns: Mapping[str, str | None],
    unit: str | None,
    score_range: tuple[float, float] | None,
    comparisons: preferences.Comparisons,
) -> Format:
    """The format of this name.

    Args:
        name: `table`, `preferences` or a key of `PUBLISHED`.
        columns: For a table, see `table.described`; so are the next two.
        unit: The scale in words; None if that was not said.
        score_range: Lowest and highest score that can occur; None if that is not known.
        comparisons: For `preferences`.
    """
    if name == "preferences":
        return preferences.described(comparisons, unit)
    return table.described(columns, unit, score_range) if name == "table" else PUBLISHED[name]
