"""Rows of a table as plain records."""

from __future__ import annotations

from typing import Any

import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary a row, column → value."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def values_of(rows: pd.DataFrame) -> tuple[list[float], list[float], list[float]]:
    """The figures of some rows, and the lower and upper ends of their intervals."""
    return rows["value"].tolist(), rows["low"].tolist(), rows["high"].tolist()
