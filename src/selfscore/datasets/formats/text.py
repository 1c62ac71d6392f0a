"""Tables in which every cell is text, whatever kind of file they are in.

As text, names such as 00123 keep their zeros, and a score that is no number can be named. Only an
empty cell is missing: NA or None may well be the name of a group.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile

import pandas as pd

from selfscore.datasets.formats.delimited import (
    as_text,
    read_rows,
    read_unquoted,
    separator_name,
)
from selfscore.datasets.formats.workbook import read_sheet

_DELIMITED = (".csv", ".tsv", ".txt")
_LINES = (".jsonl", ".ndjson")
_PACKED = ".gz"
# Packed, a few kilobytes can be more than any memory.
_MOST_BYTES = 1 << 30
_TOO_LARGE = "unpacked it is larger than 1 GiB"
TABLES = (
    *_DELIMITED,
    *_LINES,
    *(suffix + _PACKED for suffix in (*_DELIMITED, *_LINES)),
    ".parquet",
    ".xlsx",
)


@dataclass(frozen=True)
class TextTable:
    """A table as it was read.

    Attributes:
        rows: the cells, text or missing.
        recognised: what was not said beforehand, in words, such as "separator ';'".
        separator: between the cells of delimited text; "" in other files.
    """

    rows: pd.DataFrame
    recognised: tuple[str, ...] = ()
    separator: str = ""


def is_table(name: str) -> bool:
    """Whether a file is a table by its name; hidden files and Excel's lock files are none."""
    file = PurePosixPath(name).name
    return file.lower().endswith(TABLES) and not file.startswith((".", "~$"))


def read_table(name: str, content: bytes) -> TextTable:
    """Read a table with a header.

    Args:
        name: Name of the file; its suffix says which kind it is: `.csv`, `.tsv` or `.txt`
            (separated by commas, semicolons, tabs, `|` or blanks), `.jsonl` or `.ndjson` (one
            object a line), these with `.gz` behind, `.parquet`, or `.xlsx` (the first sheet).
        content: The file, whole.

    Raises:
        ValueError: If the suffix is none of these, or the content is not such a table.
    """
    kind = name.lower().removesuffix(_PACKED)
    try:
        if not name.lower().endswith(TABLES):
            raise ValueError(f"it is none of {', '.join(TABLES)}. Export it as one of these")
        if name.lower().endswith(_PACKED):
            content = _unpacked(content)
        if kind.endswith(_DELIMITED):
            text, encoding = as_text(content)
            rows, separator = read_rows(text)
            said = f"separator '{separator_name(separator)}'"
            return TextTable(rows, (said, encoding), separator)
        if kind.endswith(_LINES):
            text, encoding = as_text(content)
            return TextTable(_read_lines(text), (encoding,))
        return _read_parquet(content) if kind.endswith(".parquet") else _read_workbook(content)
    # pyarrow's errors for a damaged file derive from ValueError or OSError, gzip's from OSError,
    # and those of a workbook are mostly a zip file's.
    except (ValueError, OSError, EOFError, KeyError, zlib.error, BadZipFile) as error:
        raise unreadable(name, error) from error


def read_list(name: str, content: bytes, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table without header and quotation marks, its cells separated by blanks.

    Args:
        name: Name of the file, for messages.
        content: The file, whole.
        columns: What its columns are to be called.

    Raises:
        ValueError: If a row has another number of cells.
    """
    try:
        return read_unquoted(as_text(content)[0], columns)
    except ValueError as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> ValueError:
    """The error for a table that cannot be read, in one line."""
    said = " ".join(str(error).split()).rstrip(".")
    return ValueError(
        f"The score table '{name}' cannot be read: {said}. It must have a header and one row per "
        f"image; text must be UTF-8."
    )


def _unpacked(content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        unpacked = packed.read(_MOST_BYTES + 1)
    if len(unpacked) > _MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    return unpacked


def _read_lines(text: str) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            # Numbers stay as they are written.
            row = json.loads(
                line,
                parse_float=str,
                parse_int=str,
                parse_constant=str,
                object_pairs_hook=_different,
            )
        except (ValueError, RecursionError) as error:
            # Nesting too deep for Python is an error of another kind.
            raise ValueError(f"line {number} is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not an object such as {{'image': 'a.jpg'}}")
        rows.append({key: _cell(value) for key, value in row.items()})
    return pd.DataFrame(rows).astype("string")


def _different(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names, without blanks around them, are all different."""
    names = [name.strip() for name, _ in pairs]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise ValueError(f"it has '{twice[0]}' twice")
    return dict(zip(names, (value for _, value in pairs), strict=True))


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


def _read_parquet(content: bytes) -> TextTable:
    table = pd.read_parquet(io.BytesIO(content))
    named = [name for name in table.index.names if name is not None]
    table = table.reset_index(named) if named else table
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    return TextTable(table.astype("string"))


def _read_workbook(content: bytes) -> TextTable:
    with ZipFile(io.BytesIO(content)) as packed:
        if sum(file.file_size for file in packed.infolist()) > _MOST_BYTES:
            raise ValueError(_TOO_LARGE)
    table, name, count = read_sheet(content)
    said = (f"sheet '{name}' of {count}",) if count > 1 else ()
    return TextTable(table, said)
