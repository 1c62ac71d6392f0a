"""The names of splits: the three that every data set has, and further ones that a table may name.

Nothing is learnt from a further split, and nothing chosen by it: `locked` may hold images that no
setting has seen. It is evaluated where `evaluation.splits` names it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field

SPLITS = ("train", "validation", "test")
# Whose scores a policy is made with: it learns from the first; the second say for how long.
SEEN = ("train", "validation")
# What tables call them.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
#: A name of a split, as a pattern of the whole.
NAME = r"^[a-z][a-z0-9_-]*$"
# 'test_2' is a name of its own, 'tset' a slip.
_CLOSE = 0.7


def _not_learnt_from(name: str) -> str:
    if name == "train":
        raise ValueError("'train' is what policies learn from, and never evaluated")
    return name


#: In the parameters: a split that figures can be about.
HeldOut = Annotated[str, Field(pattern=NAME), AfterValidator(_not_learnt_from)]


def in_order(names: Iterable[str]) -> list[str]:
    """The three splits, and then the further ones that are named, by name."""
    return [*SPLITS, *sorted(set(names) - {*SPLITS, ""})]


def why_no_split(name: str, beside: Collection[str]) -> str:
    """Why a table's word for a split is not taken for one; "" if it is.

    Args:
        name: In small letters, and as `SPLIT_NAMES` has it.
        beside: All such words of the table.
    """
    if name in SPLITS:
        return ""
    known = f"split '{name}' is not {', '.join(SPLITS[:-1])} or {SPLITS[-1]}"
    # Where nothing is called "train", the words mean something else.
    if not name or "train" not in beside:
        return known
    if not re.match(NAME, name):
        return f"{known}, and a further one is called by letters, digits, _ and - alone"
    nearest = get_close_matches(name, SPLIT_NAMES, n=1, cutoff=_CLOSE)
    if nearest and not re.match(rf"{nearest[0]}[0-9_-]", name):
        return f"{known}: did you mean {SPLIT_NAMES[nearest[0]]}?"
    return ""


def check_evaluated(asked: Iterable[str], there: Collection[str]) -> None:
    """Check that there are images of every split that is to be evaluated.

    Args:
        asked: What `evaluation.splits` names.
        there: The splits that images are in.

    Raises:
        ValueError: If there are none of one.
    """
    unknown = [name for name in asked if name not in there]
    if unknown:
        held_out = [name for name in in_order(there) if name in there and name != "train"]
        raise ValueError(
            f"`evaluation.splits` names '{unknown[0]}', and no image is in that split: there is "
            f"{', '.join(held_out) or 'none to evaluate'}."
        )
