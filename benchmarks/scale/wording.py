"""Numbers as docs/scale.md writes them."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """Two digits that count, with separators."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{float(f'{value:.2g}'):,.{digits}f}"


def duration(seconds: float) -> str:
    """In minutes, hours or days."""
    if seconds < 60:
        return "< 1 min"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{number(seconds / 3600)} h" if seconds < 72 * 3600 else f"{number(seconds / 86400)} d"


def size(count: float) -> str:
    """Bytes in the largest unit that fits."""
    for unit, large in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9)):
        if count >= large:
            return f"{number(count / large)} {unit}"
    return f"{number(count / 1e6)} MB"
