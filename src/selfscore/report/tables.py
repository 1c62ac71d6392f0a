"""Rows of a table as plain records."""

from __future__ import annotations

from typing import Any

import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary a row, column → value."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
