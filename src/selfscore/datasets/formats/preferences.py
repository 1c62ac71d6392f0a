"""A table of comparisons instead of scores: two images a row, and which of them was preferred.

Each image's score is its log-odds of being preferred, see `bradley_terry`, and the spread beside it
the standard error. A tie counts as half a win for either.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from selfscore.configuration.settings_class import Positive, settings_class
from selfscore.datasets.formats.bradley_terry import MOST_SCORES, bradley_terry
from selfscore.datasets.formats.columns import ColumnName, find_column
from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, is_table, read_table

if TYPE_CHECKING:
    from selfscore.datasets.score_files import ScoreFiles

_FIRST = ("first", "a", "1", "left")
_SECOND = ("second", "b", "2", "right")
_TIE = ("tie", "tied", "draw", "equal", "same", "both", "=")
# As many groups, and images of one, as a message lists.
_MOST = 4
_REMEDY = "Write the name of the image, first or second, or tie, and remove rows without an answer."


@settings_class
class Comparisons:
    """The section `ingestion.comparisons`: the columns of a table of preferences, and their fit.

    Attributes:
        first: column of one image.
        second: column of the other.
        preferred: column that says which of them was preferred, or that neither was.
        prior: standard deviation of the scores beforehand, in log-odds: what keeps an image that
            always won or lost from a score without end.
    """

    first: ColumnName
    second: ColumnName
    preferred: ColumnName
    prior: Positive


def described(comparisons: Comparisons, unit: str | None) -> Format:
    """The format of a table of preferences.

    Args:
        comparisons: what its columns are called, and how scores are fitted.
        unit: The scale in words; None if that was not said.
    """
    return Format(
        partial(_read, comparisons=comparisons),
        {"image": "image", "score": "score", "spread": "error"},
        unit or "log-odds of being preferred",
        None,
    )


def _read(files: ScoreFiles, comparisons: Comparisons) -> TextTable:
    names = [name for name in files if files.is_one_file or is_table(name)]
    if not names:
        raise ValueError(
            f"There is no table in '{files.place}'. Name the one with the preferences as "
            "`images.scores`."
        )
    rows = pd.concat([_compared(name, files[name], comparisons) for name in names])
    images = sorted({*rows["winner"], *rows["loser"]})
    if len(images) > MOST_SCORES:
        raise ValueError(
            f"The comparisons are of {len(images):,} images, and standard errors of scores take "
            f"memory for their square, so at most {MOST_SCORES:,} are fitted: leave comparisons of "
            "the others out, or fit the scores elsewhere and give them as `ingestion.format` table."
        )
    place = {image: number for number, image in enumerate(images)}
    winners, losers = (rows[end].map(place).to_numpy(np.int64) for end in ("winner", "loser"))
    _refuse_groups(winners, losers, images)
    weights = rows["weight"].to_numpy(np.float64)
    scores, errors = bradley_terry(winners, losers, weights, len(images), comparisons.prior)
    table = pd.DataFrame({"image": images, "score": scores, "error": errors}).astype("string")
    ties = int((weights < 1).sum()) // 2
    told = [f"{', '.join(names)}: {len(rows) - ties} comparisons of {len(images)} images"]
    told += [f"{ties} ties"] if ties else []
    # How much of what the scores differ by is no error.
    told.append(f"reliability {scores.var() / (scores.var() + (errors**2).mean()):.2f}")
    always = len(images) - len({*rows["winner"]} & {*rows["loser"]})
    if always:
        told.append(
            f"images that won all of their comparisons, or lost all: {always} (how far out they "
            "are says `ingestion.comparisons.prior`)"
        )
    return TextTable(table, tuple(told))


def _compared(name: str, content: bytes, comparisons: Comparisons) -> pd.DataFrame:
    """Columns winner, loser and weight; a tie is two rows of weight 0.5."""
    table = read_table(name, content).rows
    columns = [_column(name, table, comparisons, end) for end in ("first", "second", "preferred")]
    cells = [table[column].fillna("").str.strip().astype(str) for column in columns]
    rows = list(zip(*cells, strict=True))
    if not rows:
        raise ValueError(f"The table '{name}' has no rows: add one for each comparison.")
    sides = [_side(first, second, said, columns) for first, second, said in rows]
    if None in sides:
        place = sides.index(None)
        first, second, said = rows[place]
        raise ValueError(
            f"{sides.count(None)} of {len(sides)} comparisons in '{name}' cannot be used. Row "
            f"{place + 1} below the header compares '{first}' with '{second}', and prefers "
            f"'{said}'. {_REMEDY}"
        )
    won = np.asarray(sides, dtype=np.float64)
    ends = [(cells[0], cells[1], won), (cells[1], cells[0], 1 - won)]
    parts = [
        pd.DataFrame({"winner": one, "loser": other, "weight": weight})
        for one, other, weight in ends
    ]
    both = pd.concat(parts, ignore_index=True)
    return both[both["weight"] > 0]


def _side(first: str, second: str, said: str, columns: Sequence[str]) -> float | None:
    """Share of a win that the first image has; None where the row says nothing."""
    if first == second or not first or not second:
        return None
    # Names first: an image may be called what otherwise means a side.
    if said in (first, second):
        return float(said == first)
    word = said.casefold()
    if word in (*_FIRST, columns[0].casefold()):
        return 1.0
    if word in (*_SECOND, columns[1].casefold()):
        return 0.0
    return 0.5 if word in _TIE else None


def _column(name: str, table: pd.DataFrame, comparisons: Comparisons, end: str) -> str:
    wanted = getattr(comparisons, end)
    found = find_column(wanted, list(table.columns))
    if found is None:
        raise ValueError(
            f"The table '{name}' has no column '{wanted}'. Its columns are: "
            f"{', '.join(table.columns)}. Set `ingestion.comparisons.{end}` to the right one."
        )
    return found


def _refuse_groups(winners: np.ndarray, losers: np.ndarray, images: Sequence[str]) -> None:
    """Raise where some images were never compared, over others either, with the rest."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    met = csr_array((np.ones(len(winners)), (winners, losers)), shape=(len(images),) * 2)
    count, group = connected_components(met, directed=False)
    if count == 1:
        return
    sizes = np.bincount(group)
    told = []
    for number in np.argsort(-sizes, kind="stable")[:_MOST].tolist():
        own = [image for image, of in zip(images, group, strict=True) if of == number]
        more = f" and {len(own) - _MOST} more" if len(own) > _MOST else ""
        told.append(f"{', '.join(own[:_MOST])}{more}")
    raise ValueError(
        f"The images fall into {count} groups that were never compared with each other, so their "
        f"scores have no common scale: ({') ('.join(told)}){' …' if count > _MOST else ''}. "
        f"Compare an image of each with one of another: {count - 1} comparisons join them. Or "
        "score the largest group alone."
    )
