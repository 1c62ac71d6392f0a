"""Tables in which every cell is text.

As text, names such as 00123 keep their zeros, and a score that is no number can be named. Only an
empty cell is missing: NA or None may well be the name of a group.
"""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

_DELIMITED = (".csv", ".tsv")
_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet",)
TABLES = (*_DELIMITED, *_LINES, *_PARQUET)
_SEPARATORS = ",;\t"


def read_table(name: str, content: bytes) -> pd.DataFrame:
    """Read a table with a header.

    Args:
        name: Name of the file; its suffix says which kind it is: `.csv` or `.tsv` (separated by
            commas, semicolons or tabs, whichever the header has most of), `.jsonl` or `.ndjson`
            (one object a line), or `.parquet`.
        content: The file, whole.

    Returns:
        The table, every cell text or missing.

    Raises:
        ValueError: If the suffix is none of these, or the content is not such a table.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _DELIMITED:
        header = content.split(b"\n", 1)[0].decode("utf-8", errors="replace")
        return read_delimited(name, content, sep=max(_SEPARATORS, key=header.count))
    try:
        if suffix in _LINES:
            table = pd.read_json(io.BytesIO(content), lines=True, dtype=False, convert_dates=False)
        elif suffix in _PARQUET:
            table = pd.read_parquet(io.BytesIO(content))
        else:
            raise ValueError(f"it is none of {', '.join(TABLES)}. Export it as one of these")
        return table.astype("string")
    # pyarrow's errors for a damaged file derive from ValueError or OSError.
    except (ValueError, OSError) as error:
        raise _unreadable(name, error) from error


def read_delimited(name: str, content: bytes, **options: Any) -> pd.DataFrame:
    """Read a table of delimited text.

    Args:
        name: Name of the file, for messages.
        content: The file, whole; UTF-8, with or without a byte order mark.
        options: Passed to `pandas.read_csv`, for example `sep`.

    Returns:
        The table, every cell text or missing.

    Raises:
        ValueError: If the content is not such a table.
    """
    try:
        return pd.read_csv(
            io.BytesIO(content),
            dtype="string",
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
            **options,
        )
    except ValueError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> ValueError:
    return ValueError(
        f"The score table '{name}' cannot be read: {error}. It must have a header and one row per "
        f"image; text must be UTF-8."
    )
