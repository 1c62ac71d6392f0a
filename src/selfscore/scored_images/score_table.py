"""Reading a table of scores: which rows can be used, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from selfscore.configuration.splits import SPLIT_NAMES, why_no_split

# Beyond it neighbouring numbers are no longer told apart, and sums of squares overflow.
LARGEST = 1e15
_DIFFERENT_SCORES = "with different scores"


def select_columns(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Bring a score table to the project's own column names.

    Args:
        table: The table as it was read, all cells text.
        columns: Name in the table of `image`, `score`, and where it has them `split`, `group` and
            `spread`.

    Returns:
        Columns path, score (float, NaN where it is no number), score_text, split and group
        ("" where there is none), and spread (NaN where it is no number from 0 up).

    Raises:
        ValueError: If the table is empty.
    """
    if table.empty:
        raise ValueError("The score table has no rows: add one row per image.")
    text = {
        role: table[columns[role]].astype("string").str.strip().fillna("").astype(str)
        if role in columns
        else pd.Series("", index=table.index)
        for role in ("image", "score", "split", "group", "spread")
    }
    spread = pd.to_numeric(text["spread"], errors="coerce").astype(float)
    return pd.DataFrame(
        {
            "path": text["image"],
            "score": pd.to_numeric(text["score"], errors="coerce").astype(float),
            "score_text": text["score"],
            "split": text["split"].str.lower().map(lambda name: SPLIT_NAMES.get(name, name)),
            "group": text["group"],
            "spread": spread.where((spread >= 0) & np.isfinite(spread)),
        }
    )


def reasons(rows: pd.DataFrame, score_range: tuple[float, float] | None) -> pd.Series:
    """Why a row cannot be used; "" where it can.

    Args:
        rows: As `select_columns` returns them.
        score_range: Lowest and highest score that can occur; None if that is not known.

    Returns:
        One text per row.
    """
    reason = repetitions(rows)
    named = set(rows["split"])
    if named != {""}:
        faults = {name: why_no_split(name, named) for name in named}
        reason = reason.where(reason != "", rows["split"].map(faults))
    if score_range is not None:
        outside = ~rows["score"].between(*score_range)
        reason[outside] = (
            f"score is outside {score_range[0]:g} to {score_range[1]:g}: "
            + rows["score_text"][outside]
        )
    huge = rows["score"].abs() > LARGEST
    reason[huge] = f"score is beyond ±{LARGEST:g}: " + rows["score_text"][huge]
    not_a_number = ~np.isfinite(rows["score"])
    reason[not_a_number] = "score '" + rows["score_text"][not_a_number] + "' is not a number"
    reason[rows["score_text"] == ""] = "no score"
    reason[rows["path"] == ""] = "no image name"
    return reason


def repetitions(rows: pd.DataFrame) -> pd.Series:
    """Which rows repeat an image.

    Args:
        rows: Columns path and score.

    Returns:
        A reason per row, "" for rows to keep. Of rows that give one image the same score, the
        first is kept; where the scores differ, none is.
    """
    reason = pd.Series("", index=rows.index)
    reason[rows.duplicated("path")] = "listed more than once"
    scores_differ = rows.groupby("path")["score"].transform("nunique") > 1
    reason[scores_differ] = f"listed more than once, {_DIFFERENT_SCORES}"
    return reason


def by_reason(unusable: pd.DataFrame) -> list[tuple[int, str]]:
    """How often there is each kind of reason, the most frequent first, and one of them in full.

    Args:
        unusable: Columns path and reason.
    """
    # Reasons that quote a cell differ from row to row; what they have in common comes first.
    kinds = unusable["reason"].str.replace(r"'.*'|: .*", "…", regex=True)
    groups = sorted(unusable.groupby(kinds), key=lambda group: -len(group[1]))
    return [
        (len(rows), f"{rows['reason'].iloc[0]} (for example '{rows['path'].iloc[0]}')")
        for _, rows in groups
    ]


def check_share(unusable: pd.DataFrame, listed: int, allowed: float) -> None:
    """Stop when too many rows cannot be used.

    Args:
        unusable: The rows that cannot be used: columns path and reason.
        listed: Number of rows in all.
        allowed: Largest share of unusable rows, 0 to 1.

    Raises:
        ValueError: If there are more, or if no row can be used.
    """
    if len(unusable) <= allowed * listed and len(unusable) < listed:
        return
    told = [f"{count} × {reason}" for count, reason in by_reason(unusable)]
    votes = unusable["reason"].str.endswith(_DIFFERENT_SCORES).any()
    raise ValueError(
        f"{len(unusable)} of {listed} rows of the score table cannot be used, more than "
        f"`ingestion.max_quarantine` allows ({allowed:.0%}): {'; '.join(told[:5])}"
        f"{'; …' if len(told) > 5 else ''}. Mend the table or the folder, or raise "
        f"`ingestion.max_quarantine`."
        + (" Where an image has several ratings, give their mean in one row." if votes else "")
    )
