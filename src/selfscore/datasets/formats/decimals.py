"""Decimal commas: 4,5 for 4.5, as it is written in half of Europe."""

from __future__ import annotations

import re

import pandas as pd

_WITH_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?|[+-]?\d+,")
_WITH_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?|[+-]?\d+\.")
_IN_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def with_points(cells: pd.Series, sure: bool) -> pd.Series | None:
    """The cells with decimal points, if their numbers are written with decimal commas.

    Args:
        cells: Text or missing; what is no number stays as it is.
        sure: Whether a comma can only be a decimal one, as between semicolons. If not, 1,234
            may also be 1234.

    Returns:
        The cells; None where there are no decimal commas, or numbers of both kinds.

    Raises:
        ValueError: If every comma may also stand between thousands.
    """
    text = cells.str.strip()
    commas = text.str.fullmatch(_WITH_COMMA).fillna(False).astype(bool)
    points = text.str.fullmatch(_WITH_POINT).fillna(False)
    thousands = text.str.fullmatch(_IN_THOUSANDS).fillna(False) & (text.str.count(",") > 1)
    if not commas.any() or points.any() or thousands.any():
        return None
    found = text[commas]
    if not sure and found.str.fullmatch(_THOUSANDS).all():
        raise ValueError(
            f"'{found.iloc[0]}' may be {found.iloc[0].replace(',', '.')} or "
            f"{found.iloc[0].replace(',', '')}: write the scores with decimal points"
        )
    return cells.mask(commas, text.str.replace(",", ".", regex=False))
