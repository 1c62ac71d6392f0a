"""Excel workbooks as people keep them, and as nobody should."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime

from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.worksheet.worksheet import Worksheet

from benchmarks.hostile.ingestion import NAMES, SOUND, tried
from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Input

_FILE = "scores.xlsx"
_SHEET = "xl/worksheets/sheet1.xml"
Change = Callable[[Workbook, Worksheet], object]


def _book(change: Change) -> bytes:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in (("image", "score"), *SOUND.items()):
        sheet.append(row)
    change(book, sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _with(cell: str, value: object) -> Change:
    return lambda _book, sheet: sheet.__setitem__(cell, value)


def _with_chart(book: Workbook, sheet: Worksheet) -> None:
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=9))
    book.create_chartsheet("chart", 0).add_chart(chart)


def _formulas(_book: Workbook, sheet: Worksheet) -> None:
    for row in range(2, len(NAMES) + 2):
        sheet[f"B{row}"] = f"=1+{row}"


def _rewritten(change: Callable[[bytes], bytes]) -> bytes:
    """The sound workbook with other XML in its sheet."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_book(lambda *_: None))) as sound,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        for name in sound.namelist():
            content = sound.read(name)
            other.writestr(name, change(content) if name == _SHEET else content)
    return stream.getvalue()


def sheets() -> Iterator[Input]:
    """Cells that are no numbers, cells far away, sheets beside the table, and XML that is none."""
    kind = "tables: workbooks"
    left = {name: score for name, score in SOUND.items() if name != NAMES[1]}
    for name, change in {
        "notes on a second sheet": lambda book, _: book.create_sheet("notes").append(["see there"]),
        "a chart before it": _with_chart,
        "two empty columns first": lambda _, sheet: sheet.insert_cols(1, 2),
        "a remark far to the right": _with("XFD1", "remark"),
        "a score that is a text": _with("B3", str(SOUND[NAMES[1]])),
    }.items():
        yield tried(kind, name, _book(change), (USED,), file=_FILE)
    for name, value, reason in (
        ("a formula never calculated", "=1+1", "no score"),
        ("an error for a score", "#N/A", "no score"),
        ("a date for a score", datetime(2026, 3, 4), "is not a number"),
        ("true for a score", True, "is not a number"),
    ):
        yield tried(
            kind, name, _book(_with("B3", value)), (QUARANTINED,), file=_FILE,
            scores=left, quarantined=[(NAMES[1], reason)],
        )  # fmt: skip
    yield tried(
        kind, "a remark in the last cell of all", _book(_with("XFD1048576", "remark")),
        (QUARANTINED,), file=_FILE, quarantined=[("", "no image name")],
    )  # fmt: skip
    for name, content, says in (
        ("formulas alone", _book(_formulas), "no score"),
        ("half a sheet", _rewritten(lambda xml: xml[: len(xml) // 2]), "no whole workbook"),
        ("a sheet of no XML", _rewritten(lambda _: b"image,score"), "no whole workbook"),
    ):
        yield tried(kind, name, content, (REFUSED,), says, file=_FILE)


FAMILIES = (sheets,)
