"""What is said of an image, and how it is written: JSON, JSON lines, CSV, or a table to read.

Knows no model and no file.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import pandas as pd

# Of numbers that are written as text; a score is never known that well.
_DECIMALS = 6
_NAME_WIDTH = 32


@dataclass(frozen=True)
class Origin:
    """Whose scores they are, and what they mean.

    Attributes:
        policy: name of the policy.
        digest: sha256 of the policy, the same wherever it is stored.
        model: hub id or folder of its base model.
        revision: of the base model on the hub; None for a folder.
        version: of selfscore.
        unit: of the scores, in the words of whoever gave the training scores.
        values: the score that each level stands for, from the lowest to the highest.
    """

    policy: str
    digest: str
    model: str
    revision: str | None
    version: str
    unit: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.policy} ({self.digest[:12]}) on {self.model}, selfscore {self.version}"

    @property
    def scale(self) -> str:
        """The scale in words."""
        return (
            f"{self.unit}, from {self.values[0]:.2f} (level 0) to {self.values[-1]:.2f} "
            f"(level {len(self.values) - 1})"
        )


@dataclass(frozen=True)
class ScoredImage:
    """What a policy says of one image.

    All numbers are None when the image cannot be read.

    Attributes:
        name: of the image.
        origin: policy, model and scale.
        score: what `level` stands for, in the unit of the training scores.
        level: the likeliest level, 0 to levels - 1.
        expected_score: mean over the distribution, in the unit of the training scores; it ranks
            images better than `score` does.
        probabilities: the distribution over levels, sums to 1.
        explanation: "" when the policy's answer does not keep the response format, None when none
            was asked for.
        stated_level: the level that the answer with the explanation states; None without one.
        error: why the image could not be scored; None when it was.
    """

    name: str
    origin: Origin
    score: float | None = None
    level: int | None = None
    expected_score: float | None = None
    probabilities: tuple[float, ...] | None = None
    explanation: str | None = None
    stated_level: int | None = None
    error: str | None = None

    def record(self) -> dict[str, Any]:
        """All of it in one flat record, the same names in every format."""
        return {
            "image": self.name,
            "score": self.score,
            "level": self.level,
            "expected_score": self.expected_score,
            "explanation": self.explanation,
            "stated_level": self.stated_level,
            "error": self.error,
            "probabilities": None if self.probabilities is None else list(self.probabilities),
            "unit": self.origin.unit,
            "scale": list(self.origin.values),
            "policy": self.origin.policy,
            "policy_digest": self.origin.digest,
            "model": self.origin.model,
            "model_revision": self.origin.revision,
            "selfscore_version": self.origin.version,
        }


def tabulate(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row an image, with the columns of `ScoredImage.record`; what is missing is missing."""
    import pandas as pd

    table = pd.DataFrame(list(records))
    return table.astype(
        {
            "score": "Float64",
            "level": "Int64",
            "expected_score": "Float64",
            "explanation": "string",
            "stated_level": "Int64",
            "error": "string",
            "model_revision": "string",
        }
    )


def sheet_row(record: dict[str, Any]) -> dict[str, Any]:
    """A record without lists, as spreadsheets want it: `probability_0`, … and the scale's ends."""
    row = dict(record)
    scale = row.pop("scale")
    # Missing is None here and pandas.NA where the record comes from a table.
    probabilities = row.pop("probabilities")
    known = probabilities if isinstance(probabilities, Iterable) else [None] * len(scale)
    return {
        **row,
        "lowest_score": scale[0],
        "highest_score": scale[-1],
        **{f"probability_{level}": value for level, value in enumerate(known)},
    }


def write(results: Iterable[ScoredImage], form: str, stream: TextIO) -> None:
    """Write results as text.

    Args:
        results: at least one; JSON lines and CSV are written while they come.
        form: one of `FORMATS`.
        stream: where to.
    """
    FORMATS[form](results, stream)


def _write_json(results: Iterable[ScoredImage], stream: TextIO) -> None:
    records = [_rounded(result.record()) for result in results]
    stream.write(json.dumps(records, ensure_ascii=False, indent=2) + "\n")


def _write_lines(results: Iterable[ScoredImage], stream: TextIO) -> None:
    for result in results:
        stream.write(json.dumps(_rounded(result.record()), ensure_ascii=False) + "\n")
        stream.flush()


def _write_csv(results: Iterable[ScoredImage], stream: TextIO) -> None:
    rows: Iterator[dict[str, Any]] = (_rounded(sheet_row(result.record())) for result in results)
    first = next(rows)
    writer = csv.DictWriter(stream, list(first), lineterminator="\n")
    writer.writeheader()
    writer.writerow(first)
    for row in rows:
        writer.writerow(row)
        stream.flush()


def _write_table(results: Iterable[ScoredImage], stream: TextIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(results)
    folder = _common_folder([row.name for row in rows])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("image", overflow="fold", max_width=_NAME_WIDTH)
    for title in ("expected", "score", "level"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("explanation")
    for row in rows:
        table.add_row(
            Text(_printable(row.name.removeprefix(folder))),
            _number(row.expected_score),
            _number(row.score),
            "" if row.level is None else str(row.level),
            Text(_printable(_said(row))),
        )
    console = Console(file=stream, highlight=False, markup=False)
    console.print(table)
    if folder:
        console.print(f"Images below {_printable(folder)}", soft_wrap=True)
    console.print(f"Scale: {rows[0].origin.scale}", soft_wrap=True)
    console.print(f"Policy: {rows[0].origin}", soft_wrap=True)


def _common_folder(names: Sequence[str]) -> str:
    """What all names begin with, up to and with a slash; "" if there is no such thing."""
    return os.path.commonprefix(names)[: os.path.commonprefix(names).rfind("/") + 1]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _said(result: ScoredImage) -> str:
    if result.error is not None:
        return f"not scored: {result.error}"
    if result.explanation == "":
        return "(the answer does not keep the response format)"
    return result.explanation or ""


FORMATS: dict[str, Callable[[Iterable[ScoredImage], TextIO], None]] = {
    "table": _write_table,
    "json": _write_json,
    "jsonl": _write_lines,
    "csv": _write_csv,
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
