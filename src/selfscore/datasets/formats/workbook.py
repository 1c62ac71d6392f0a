"""The first sheet of an Excel workbook, cell by cell, as text."""

from __future__ import annotations

import io
from contextlib import closing
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from openpyxl.cell import Cell

_ERROR = "e"


def read_sheet(content: bytes) -> tuple[pd.DataFrame, str, int]:
    """Read a sheet whose first filled row is the header.

    Only filled cells count: one that was touched far below or far to the right makes no table of
    that size.

    Args:
        content: The workbook, whole.

    Returns:
        The cells below the header, text or missing; the sheet's name; the number of sheets.

    Raises:
        ValueError: If it is no workbook, or its first sheet is empty.
    """
    from openpyxl import load_workbook

    file = io.BytesIO(content)
    try:
        with closing(load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
            first = book.worksheets[0]
            # What a file says of its size may be wrong.
            first.reset_dimensions()
            rows = [filled for row in first.rows if (filled := _filled(row))]
            name, count = str(first.title), len(book.worksheets)
    except Exception as error:  # openpyxl raises almost anything for a damaged file.
        raise ValueError(f"it is no whole workbook ({error})") from error
    if not rows:
        raise ValueError(f"the sheet '{name}' is empty")
    header, *below = rows
    columns = sorted(set().union(*rows))
    table = pd.DataFrame(below, columns=columns, dtype="string")
    table.columns = pd.Index([header.get(column, "").strip() for column in columns])
    return table, name, count


def _filled(row: tuple[Cell, ...]) -> dict[int, str]:
    """Column → text of every cell that has one."""
    texts = {column: _text(cell) for column, cell in enumerate(row)}
    return {column: text for column, text in texts.items() if text}


def _text(cell: Cell) -> str:
    value = cell.value
    if value is None or cell.data_type == _ERROR:
        return ""
    # Excel has no whole numbers.
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
