"""The formats of scores, by the name that `ingestion.format` gives.

A new one is a module with a `FORMAT`, and a line in `PUBLISHED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from selfscore.datasets.formats import (
    aadb,
    agiqa3k,
    ava,
    eva,
    kadid10k,
    koniq10k,
    para,
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
        "kadid10k": kadid10k.FORMAT,
        "koniq10k": koniq10k.FORMAT,
        "para": para.FORMAT,
        "spaq": spaq.FORMAT,
    }
)


def chosen(parameters: Mapping[str, Any]) -> Format:
    """The format that the parameters name.

    Args:
        parameters: format, and for the format `table` columns, unit and score_range.

    Raises:
        ValueError: If there is no such format.
    """
    name = parameters["format"]
    if name == "table":
        return table.described(parameters["columns"], parameters["unit"], parameters["score_range"])
    if name not in PUBLISHED:
        raise ValueError(
            f"`ingestion.format` must be table or one of {', '.join(PUBLISHED)}, not {name!r}."
        )
    return PUBLISHED[name]
