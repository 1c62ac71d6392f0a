"""The one table of figures: what every row says, and how tables of one kind become rows of it.

A figure belongs to a round, a policy and a split; `of` says what stands beside its metric's name:
"" for the policy's own, a judge, two judges (`tfidf/self`), a control, `health`, or the step of
learning that it tells of.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

COLUMNS = ["round", "policy", "split", "group", "of", "metric", "value", "low", "high", "n"]
# The group of all images together.
POOLED = "all"
# What stands for the policy where a figure holds for any of them, and for the one that wrote a
# round's texts with forced levels: the policy the round starts from.
ANY, INCOMING = "any", "incoming"
HEALTH = "health"
SHUFFLED, PRIOR, CEILING, RIDGE = CONTROLS = ("shuffled_images", "prior", "ceiling", "ridge")
# Of texts about edited pictures: what the level alone says, and what merely writing again does.
OTHER_PICTURE, NO_EDIT = EDIT_CONTROLS = ("other_picture", "no_edit")
# Of how a round's policies were made. Those of merging have the weight matrix as their group, those
# of its strength the strength that was tried.
PREFERENCES, TRAINING, MERGING, STRENGTH = LEARNING = (
    "preferences",
    "training",
    "merging",
    "strength",
)

_NO_JUDGES = ["", HEALTH, *CONTROLS, *EDIT_CONTROLS, *LEARNING]


def as_figures(table: pd.DataFrame, **facts: int | str) -> pd.DataFrame:
    """Rows of the table of figures.

    Args:
        table: metric, value, and what else it has of `COLUMNS`; low and high are missing where
            there is no interval.
        facts: the columns that are the same for all of its rows; without them, `group` is that of
            all images together and `of` is "".
    """
    plain: dict[str, Any] = {"group": POOLED, "of": "", "low": math.nan, "high": math.nan}
    added = {name: value for name, value in plain.items() if name not in table} | facts
    return table.assign(**added)[COLUMNS]


def among(
    figures: pd.DataFrame, of: str | None = "", group: str = POOLED, **facts: int | str
) -> pd.DataFrame:
    """The figures of which all this is true.

    Args:
        figures: with the columns `COLUMNS`.
        of: what stands beside the metric's name; None: anything.
        group: of images.
        facts: column → what it says.
    """
    wanted = {"group": group, **({} if of is None else {"of": of}), **facts}
    chosen = pd.Series(True, index=figures.index)
    for column, value in wanted.items():
        chosen &= figures[column] == value
    return figures[chosen]


def of_judges(figures: pd.DataFrame) -> pd.DataFrame:
    """The figures of single judges; `of` is the judge's name."""
    others = figures["of"].isin(_NO_JUDGES) | figures["of"].str.contains("/")
    return figures[~others]
