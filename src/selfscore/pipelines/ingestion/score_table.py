"""Reading a table of scores: which rows can be used, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping

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


def select_columns(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Bring a score table to the project's own column names.

    Args:
        table: The table as it was read, all cells text.
        columns: Name in the table of `image`, `score`, `split` and `group`; the last two may be
            missing from the table.

    Returns:
        Columns path, score (float, NaN where it is no number), score_text, split and group
        ("" where there is none).

    Raises:
        ValueError: If the image or the score column is missing, or the table is empty.
    """
    for role in ("image", "score"):
        if columns[role] not in table.columns:
            raise ValueError(
                f"The score table has no column '{columns[role]}'. Its columns are: "
                f"{', '.join(map(str, table.columns))}. Set `ingestion.columns.{role}` to the one "
                f"with the {role}s."
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


def reasons(rows: pd.DataFrame) -> pd.Series:
    """Why a row cannot be used; "" where it can.

    Args:
        rows: As `select_columns` returns them.

    Returns:
        One text per row. Of rows that give one image the same score, the first is kept; where the
        scores differ, none is.
    """
    reason = pd.Series("", index=rows.index)
    has_splits = bool((rows["split"] != "").any())
    if has_splits:
        unknown = ~rows["split"].isin(SPLIT_NAMES.values())
        reason[unknown] = "split '" + rows["split"][unknown] + "' is not train, validation or test"
    scores_differ = rows.groupby("path")["score"].transform("nunique") > 1
    reason[rows.duplicated("path")] = "listed more than once"
    reason[scores_differ] = "listed more than once, with different scores"
    reason[~np.isfinite(rows["score"])] = (
        "score '" + rows["score_text"][~np.isfinite(rows["score"])] + "' is not a number"
    )
    reason[rows["score_text"] == ""] = "no score"
    reason[rows["path"] == ""] = "no image name"
    return reason


def check_share(rows: pd.DataFrame, allowed: float) -> None:
    """Stop when too many rows cannot be used.

    Args:
        rows: Columns path and reason ("" where the row can be used).
        allowed: Largest share of unusable rows, 0 to 1.

    Raises:
        ValueError: If there are more, or if no row can be used.
    """
    bad = rows[rows["reason"] != ""]
    if len(bad) <= allowed * len(rows) and len(bad) < len(rows):
        return
    listed = [
        f"{len(group)} × {reason} (for example '{group['path'].iloc[0]}')"
        for reason, group in bad.groupby("reason")
    ]
    raise ValueError(
        f"{len(bad)} of {len(rows)} rows of the score table cannot be used, more than "
        f"`ingestion.max_quarantine` allows ({allowed:.0%}): {'; '.join(listed[:5])}"
        f"{'; …' if len(listed) > 5 else ''}. Mend the table or the folder, or raise "
        f"`ingestion.max_quarantine`."
    )
