"""Reading a table of scores: which rows can be used, and why the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

# What tables call the three splits.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


def select_columns(
    table: pd.DataFrame, columns: Mapping[str, str], optional: Collection[str]
) -> pd.DataFrame:
    """Bring a score table to the project's own column names.

    Args:
        table: The table as it was read, all cells text.
        columns: Name in the table of `image`, `score`, and perhaps `split` and `group`.
        optional: Which of these may be missing from the table.

    Returns:
        Columns path, score (float, NaN where it is no number), score_text, split and group
        ("" where there is none).

    Raises:
        ValueError: If a column is missing that must not be, or the table is empty.
    """
    for role, column in columns.items():
        if column not in table.columns and role not in optional:
            raise ValueError(
                f"The score table has no column '{column}'. Its columns are: "
                f"{', '.join(map(str, table.columns))}. Set `ingestion.columns.{role}` to the one "
                f"with the {role}s, and `ingestion.format` to what the table is."
            )
    if table.empty:
        raise ValueError("The score table has no rows: add one row per image.")
    text = {
        role: table[columns[role]].astype("string").str.strip().fillna("").astype(str)
        if columns.get(role) in table.columns
        else pd.Series("", index=table.index)
        for role in ("image", "score", "split", "group")
    }
    return pd.DataFrame(
        {
            "path": text["image"],
            "score": pd.to_numeric(text["score"], errors="coerce").astype(float),
            "score_text": text["score"],
            "split": text["split"].str.lower().map(lambda name: SPLIT_NAMES.get(name, name)),
            "group": text["group"],
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
    if (rows["split"] != "").any():
        unknown = ~rows["split"].isin(SPLIT_NAMES.values()) & (reason == "")
        reason[unknown] = "split '" + rows["split"][unknown] + "' is not train, validation or test"
    if score_range is not None:
        outside = ~rows["score"].between(*score_range)
        reason[outside] = (
            f"score is outside {score_range[0]:g} to {score_range[1]:g}: "
            + rows["score_text"][outside]
        )
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
    reason[scores_differ] = "listed more than once, with different scores"
    return reason


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
    # Reasons that quote a cell differ from row to row; what they have in common comes first.
    kinds = unusable["reason"].str.replace(r"'.*'|: .*", "…", regex=True)
    groups = sorted(unusable.groupby(kinds), key=lambda group: -len(group[1]))
    told = [
        f"{len(rows)} × {rows['reason'].iloc[0]} (for example '{rows['path'].iloc[0]}')"
        for _, rows in groups
    ]
    raise ValueError(
        f"{len(unusable)} of {listed} rows of the score table cannot be used, more than "
        f"`ingestion.max_quarantine` allows ({allowed:.0%}): {'; '.join(told[:5])}"
        f"{'; …' if len(told) > 5 else ''}. Mend the table or the folder, or raise "
        f"`ingestion.max_quarantine`."
    )
