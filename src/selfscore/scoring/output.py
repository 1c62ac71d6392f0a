"""Results as files and as text: JSON, JSON lines, CSV, TSV, Parquet, Excel, or a table to read.

Knows formats and streams; knows no model.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from selfscore.scoring.results import ScoredImage, sheet_row, tabulate

# Of numbers that are written as text; a score is never known that well.
_DECIMALS = 6
_NAME_WIDTH = 32
# To be read by people alone.
_TABLE = "table"


def form_of(output: Path | None, named: str | None) -> str:
    """The format to write.

    Args:
        output: the file; None for stdout.
        named: the format that was asked for; None for that of the file's suffix.

    Raises:
        ValueError: the suffix is that of no format, or of another than was asked for.
    """
    if output is None:
        if named in _FILES:
            raise ValueError(f"{named} is no text: name a file with --output.")
        return named or _TABLE
    suffix = output.suffix.lower().removeprefix(".")
    found = _TABLE if suffix == "txt" else suffix
    if found not in FORMATS and named is None:
        raise ValueError(
            f"'{output}' does not say its format: end it with "
            f"{', '.join('.' + form for form in FORMATS if form != _TABLE)} or .txt."
        )
    if found in FORMATS and named not in (None, found):
        raise ValueError(f"'{output}' is to be {found} by its name, and {named} by --format.")
    return named or found


def write(results: Iterable[ScoredImage], form: str, stream: BinaryIO) -> None:
    """Write results; JSON lines, CSV and TSV are written while they come.

    Args:
        results: at least one.
        form: one of `FORMATS`.
        stream: where to.
    """
    FORMATS[form](results, stream)


def _write_json(results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    records = [_rounded(result.record()) for result in results]
    stream.write((json.dumps(records, ensure_ascii=False, indent=2) + "\n").encode())


def _write_lines(results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    for result in results:
        line = json.dumps(_rounded(result.record()), ensure_ascii=False)
        stream.write((line + "\n").encode())
        stream.flush()


def _write_delimited(delimiter: str, results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    rows: Iterator[dict[str, Any]] = (_rounded(sheet_row(result.record())) for result in results)
    first = next(rows)
    with _as_text(stream) as text:
        writer = csv.DictWriter(text, list(first), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        for row in rows:
            writer.writerow(row)
            text.flush()


@contextmanager
def _as_text(stream: BinaryIO) -> Iterator[TextIO]:
    """The stream for text; it stays open, for it is the caller's."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()


def _write_parquet(results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    tabulate(result.record() for result in results).to_parquet(stream, index=False)


def _write_workbook(results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("scores")

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value))
        # What a model or a file's name says is no formula, also if it begins with "=".
        text.data_type = "s"
        return text

    for number, result in enumerate(results):
        row = sheet_row(result.record())
        if number == 0:
            sheet.append(list(row))
        sheet.append([cell(value) for value in row.values()])
    book.save(stream)


def _write_table(results: Iterable[ScoredImage], stream: BinaryIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(results)
    folder = _common_folder([row.name for row in rows])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("image", overflow="fold", max_width=_NAME_WIDTH)
    for title in ("score", "level"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("explanation")
    for row in rows:
        table.add_row(
            Text(_printable(row.name.removeprefix(folder))),
            "" if row.score is None else f"{row.score:.2f}",
            "" if row.level is None else str(row.level),
            Text(_printable(_said(row))),
        )
    with _as_text(stream) as text:
        console = Console(file=text, highlight=False, markup=False)
        console.print(table)
        if folder:
            console.print(f"Images below {_printable(folder)}", soft_wrap=True)
        console.print(f"Scale: {rows[0].origin.scale}", soft_wrap=True)
        console.print(f"Policy: {rows[0].origin}", soft_wrap=True)


def _common_folder(names: Sequence[str]) -> str:
    """What all names begin with, up to and with a slash; "" if there is no such thing."""
    return os.path.commonprefix(names)[: os.path.commonprefix(names).rfind("/") + 1]


def _said(result: ScoredImage) -> str:
    if result.error is not None:
        return f"not scored: {result.error}"
    if result.explanation == "":
        return "(the answer does not keep the response format)"
    return result.explanation or ""


_FILES: dict[str, Callable[[Iterable[ScoredImage], BinaryIO], None]] = {
    "parquet": _write_parquet,
    "xlsx": _write_workbook,
}
FORMATS: dict[str, Callable[[Iterable[ScoredImage], BinaryIO], None]] = {
    _TABLE: _write_table,
    "json": _write_json,
    "jsonl": _write_lines,
    "csv": partial(_write_delimited, ","),
    "tsv": partial(_write_delimited, "\t"),
    **_FILES,
}


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {name: _round(value) for name, value in record.items()}


def _round(value: Any) -> Any:
    if isinstance(value, list):
        return [_round(item) for item in value]
    return round(value, _DECIMALS) if isinstance(value, float) else value


def _printable(text: str) -> str:
    """Text without what would steer a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
