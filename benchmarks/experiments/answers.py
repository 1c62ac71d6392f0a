"""What policies said of single images: what two of them are compared by, image by image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from selfscore.configuration.layout import namespace

COLUMNS = [
    "round",
    "policy",
    "split",
    "image_id",
    "group",
    "score",
    "expected",
    "valid",
    "stated",
    "inferred",
    "faithfulness",
]
_NAMES = {
    "expected_score": "expected",
    "emitted_level": "stated",
    "inferred_level": "inferred",
}
# After the point: more than a figure is read to, and few enough for records of many runs.
_DIGITS = {"score": 4, "expected": 4, "inferred": 2, "faithfulness": 3}


def answers_of(judgements: pd.DataFrame) -> pd.DataFrame:
    """Of every policy and evaluated image: `COLUMNS`.

    Args:
        judgements: round, policy, split, image_id, group, score, expected_score, and of a policy
            that writes valid, emitted_level, inferred_level and faithfulness.

    Returns:
        score and expected in the user's unit, stated and inferred in levels; valid is 1 or 0,
        missing of a policy that writes nothing.
    """
    table = judgements.rename(columns=_NAMES).reindex(columns=COLUMNS)
    return table.assign(valid=table["valid"].astype("float64")).round(_DIGITS)


def answers_of_rounds(load: Callable[[str], Any], rounds: int) -> pd.DataFrame:
    """`answers_of` the base model and what each round of a run hands on.

    Args:
        load: gives a dataset of the run by its name.
        rounds: number of its rounds; nothing is taken of a run without any.
    """
    numbers = range(rounds + 1) if rounds else ()
    tables = [load(f"{namespace(number)}.judgements") for number in numbers]
    handed_on = [table[table["policy"].isin(["base", "merged"])] for table in tables]
    return pd.concat([pd.DataFrame(columns=COLUMNS), *map(answers_of, handed_on)])
