"""Delimited text as people have it: which encoding, which separator, and whether quotes are closed.

Every line ends up in a row, or is an error that names it. Knows nothing of what columns mean.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import pandas as pd

# The likelier one of two that fit comes first: commas may be decimal ones, or part of a text.
_SEPARATORS = "\t;|,"
_NAMES = {"\t": "tab", " ": "blank"}
# Enough to tell a separator from a letter that happens to be in some cells.
_SAMPLED = 50
# What Excel writes and reads as a first line of its own.
_ANNOUNCED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8 with BOM"),
    # Before UTF-16, whose mark is the beginning of this one.
    codecs.BOM_UTF32_LE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF32_BE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
# What old programs write behind a text.
_END_OF_FILE = "\x1a"


def as_text(content: bytes) -> tuple[str, str]:
    """The text of a file, and what its encoding is called.

    An end-of-file mark behind it is no part of it.

    Raises:
        ValueError: If it is neither UTF-8 nor begins with a byte order mark.
    """
    for mark, (codec, name) in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content.decode(codec).rstrip(_END_OF_FILE), name
    try:
        return content.decode("utf-8").rstrip(_END_OF_FILE), "UTF-8"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} is not UTF-8. Save the table as UTF-8 (in Excel: 'CSV UTF-8')"
        ) from error


def read_rows(text: str, separator: str | None = None) -> tuple[pd.DataFrame, str]:
    """A table with a header, every cell text or missing.

    Cells of the header lose the blanks around them. Empty cells behind the last column are left
    out, and so are rows without any text.

    Args:
        text: The table, whole.
        separator: Between cells; None to recognise comma, semicolon, tab, `|`, or else a blank.

    Returns:
        The table, and the separator.

    Raises:
        ValueError: If a quotation mark is not closed, or a row has more cells than the header.
    """
    lines = io.StringIO(text, newline="").readlines()
    announced = _ANNOUNCED.fullmatch(lines[0]) if lines else None
    if announced:
        separator, lines[0] = announced[1], "\n"
    separator = separator or _recognise(lines)
    rows = _rows(lines, separator)
    _, header = next(rows, (0, []))
    names = [cell.strip() for cell in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ValueError("it has no header")
    columns: list[list[str | None]] = [[] for _ in names]
    for line, cells in rows:
        if any(cell.strip() for cell in cells[len(names) :]):
            raise ValueError(
                f"line {line} has {len(cells)} cells, and the header {len(names)}. A text that "
                f"holds the separator '{separator_name(separator)}' must be in quotation marks"
            )
        cells += [""] * (len(names) - len(cells))
        for column, cell in zip(columns, cells, strict=False):
            column.append(cell or None)
    series = [pd.Series(column, dtype="string") for column in columns]
    table = pd.concat(series, axis=1) if series else pd.DataFrame()
    table.columns = pd.Index(names)
    return table, separator


def read_unquoted(text: str, columns: Sequence[str]) -> pd.DataFrame:
    """A table without header and quotation marks, its cells separated by blanks.

    Args:
        text: The table, whole.
        columns: What its columns are to be called.

    Raises:
        ValueError: If a row has another number of cells.
    """
    for number, line in enumerate(io.StringIO(text), start=1):
        cells = len(line.split())
        if cells not in (0, len(columns)):
            raise ValueError(f"line {number} has {cells} cells instead of {len(columns)}")
    return pd.read_csv(
        io.StringIO(text),
        sep=r"\s+",
        header=None,
        names=list(columns),
        index_col=False,
        dtype="string",
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
    )


def separator_name(separator: str) -> str:
    """What a separator is called in messages."""
    return _NAMES.get(separator, separator)


def _recognise(lines: Sequence[str]) -> str:
    """The separator that cuts most of the first rows into no more cells than the header has."""
    sample = list(islice(filter(str.strip, lines), _SAMPLED))

    def fitting(separator: str) -> float:
        header, *rows = csv.reader(sample, delimiter=separator)
        widths = [len(row) - (row[-1:] == [""]) for row in rows]
        return sum(1 < width <= len(header) for width in widths) / max(1, len(widths))

    candidates = [separator for separator in _SEPARATORS if sample and separator in sample[0]]
    # A blank may be part of any name, so all rows have to fit.
    blanks = not candidates and sample and " " in sample[0].strip() and fitting(" ") == 1
    return " " if blanks else max(candidates, key=fitting, default=",")


def _rows(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that have any text, each with the number of its first line.

    Raises:
        ValueError: If a quotation mark is not closed, or only after what are rows of their own.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"the quotation mark in line {line} is not closed where the cell ends ({error}). "
                f"Close it, or leave it out"
            ) from error
        width = width or len(cells)
        if width > 1 and _swallows(lines[line - 1 : reader.line_num], separator, width):
            raise ValueError(
                f"the quotation mark in line {line} is closed in line {reader.line_num} only, and "
                f"the lines between look like rows of their own. Close it, or leave it out"
            )
        if any(cell.strip() for cell in cells):
            yield line, cells


def _swallows(lines: Sequence[str], separator: str, width: int) -> bool:
    """Whether lines that quotation marks make one row look like several."""

    def is_row(line: str) -> bool:
        cells = [cell.strip('" \r\n') for cell in line.split(separator)]
        return len(cells) >= width and sum(map(bool, cells)) > 1

    first, *between = map(is_row, lines)
    return any(between[:-1]) or (first and any(between))
