"""JSON that somebody else may have written."""

from __future__ import annotations

import json
from typing import Any

# Manifests have eight levels. Whoever walks through a value calls itself once for each.
_DEEPEST = 50


def parse_json(text: str | bytes) -> Any:
    """What a text of JSON holds.

    Raises:
        ValueError: it is no JSON, or is nested more deeply than anything that is written here.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level = [value]
    for _ in range(_DEEPEST):
        level = [below for one in level for below in _below(one)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _below(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
