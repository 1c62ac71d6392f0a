"""What is known of the images before anything is learnt from them, in a table of words.

Says how the images came about, and what that many can and cannot show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import pandas as pd

from selfscore.configuration.splits import SPLITS, in_order
from selfscore.metrics.independence import effective_size
from selfscore.metrics.rank_correlation import spearman_error
from selfscore.scored_images.outliers import outliers
from selfscore.scored_images.score_table import by_reason

# An SRCC that is not unusual for the method; its error is told for each split.
_SRCC = 0.5
# Half of a 95 % interval that is wider tells next to nothing about one policy.
_WIDE = 0.3
# Intervals over fewer are uncertain themselves.
_FEW_GROUPS = 10
# An expert that takes fewer steps hardly changes.
_FEW_STEPS = 10
# Fewer training images of a level hardly say what it is.
_FEW_OF_LEVEL = 10

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Source:
    """Where the scores come from.

    Attributes:
        recognised: What the table turned out to be, in words.
        columns: Its column for each of image, score, and perhaps split and group.
        unit: The scale of the scores in words.
        takes_groups: Whether `ingestion.columns.group` has a meaning for it.
    """

    recognised: Sequence[str]
    columns: Mapping[str, str]
    unit: str
    takes_groups: bool = False

    def __str__(self) -> str:
        columns = ", ".join(f"{role} '{column}'" for role, column in self.columns.items())
        return f"{', '.join(self.recognised)}; columns: {columns}"


def data_check(
    images: pd.DataFrame,
    usable: pd.DataFrame,
    quarantine: pd.DataFrame,
    scale: Mapping[str, Any],
    source: Source,
    steps: Mapping[str, tuple[int, int]],
) -> pd.DataFrame:
    """The table.

    Args:
        images: What is used: sha256, split, group, score and level.
        usable: What could be used, of which images are drawn: split, "" where none was given.
        quarantine: Columns path, reason and listed.
        scale: As `score_scale.fit` returns it.
        source: Where the scores come from.
        steps: Training steps of each expert, the fewest and the most.

    Returns:
        Columns what, value and note ("" where there is nothing to add).
    """
    rows = [
        ("scores", str(source), ""),
        *_of_images(len(images), len(usable), quarantine),
        _of_splits(images, set(usable["split"]), source.columns),
        _of_groups(images, source.takes_groups),
        _of_copies(images),
        _of_scores(images["score"], source.unit),
        _of_levels(images, scale),
        *(_of_split(images, split) for split in in_order(images["split"])[1:]),
        _of_steps(steps),
    ]
    return pd.DataFrame(rows, columns=["what", "value", "note"])


def _of_images(used: int, usable: int, quarantine: pd.DataFrame) -> Iterator[Row]:
    listed = usable + int(quarantine["listed"].sum())
    kept = f"of {listed} rows" if listed > usable else "one for each row"
    subset = f"a subset of {usable}, as `ingestion.max_images_per_split` says"
    yield "images", str(used), kept if used == usable else subset
    for count, reason in by_reason(quarantine):
        yield "in quarantine", str(count), reason


def _of_splits(images: pd.DataFrame, given: Set[str], columns: Mapping[str, str]) -> Row:
    counts = images["split"].value_counts()
    value = ", ".join(f"{counts.get(split, 0)} {split}" for split in in_order(counts.index))
    drawn = [split for split in SPLITS if split not in given]
    column = f"as '{columns.get('split')}' says"
    if not drawn:
        return "splits", value, column
    if len(drawn) == len(SPLITS):
        return "splits", value, "drawn, whole groups to one side"
    return "splits", value, f"{' and '.join(drawn)} drawn from the training images, else {column}"


def _of_groups(images: pd.DataFrame, takes_groups: bool) -> Row:
    grouped = images[images["group"] != ""]
    sizes = grouped["group"].value_counts()
    if sizes.empty:
        hint = "; `ingestion.columns.group` names groups" if takes_groups else ""
        return "groups", "none", f"each image stands alone{hint}"
    alone = len(images) - len(grouped)
    crossing = int((grouped.groupby("group")["split"].nunique() > 1).sum())
    notes = [
        f"the largest has {sizes.iloc[0]} images",
        f"{alone} images stand alone" if alone else "",
        f"{crossing} are in several splits, as the table says" if crossing else "",
    ]
    return "groups", str(len(sizes)), "; ".join(filter(None, notes))


def _of_copies(images: pd.DataFrame) -> Row:
    copies = int(images.duplicated("sha256").sum())
    if not copies:
        return "copies", "none", ""
    return "copies", str(copies), f"{len(images) - copies} different contents; copies add nothing"


def _of_scores(scores: pd.Series, unit: str) -> Row:
    value = f"{scores.min():g} to {scores.max():g}, median {scores.median():g}"
    far = sorted(set(outliers(scores)))
    note = f"; far from the others: {', '.join(f'{score:g}' for score in far[:5])}" if far else ""
    return "range", value, unit + note


def _of_levels(images: pd.DataFrame, scale: Mapping[str, Any]) -> Row:
    sizes = images.loc[images["split"] == "train", "level"].value_counts()
    values = ", ".join(f"{level} = {value:.3g}" for level, value in enumerate(scale["values"]))
    few = int((sizes < _FEW_OF_LEVEL).sum())
    return (
        "levels",
        f"{scale['levels']} ({_FITTED[scale['method']]}): {values}",
        f"{sizes.min()} to {sizes.max()} training images each"
        + (
            f"; {few} have fewer than {_FEW_OF_LEVEL}, which is little to learn from" if few else ""
        ),
    )


_FITTED = {
    "grades": "each score is one",
    "quantile": "as many images each as ties permit",
    "integer": "whole numbers",
}


def _of_split(images: pd.DataFrame, split: str) -> Row:
    """How sure figures on a split can be; images of one group tell less than as many others."""
    rows = images[images["split"] == split]
    groups = rows["group"].where(rows["group"] != "", rows["sha256"])
    count = groups.nunique()
    name, value = f"{split} split", f"{len(rows)} images"
    worth = effective_size(rows["score"], groups)
    if count < len(rows):
        value += f" in {count} groups, worth about {worth:.0f} independent ones"
    if rows["score"].nunique() < 2:
        return name, value, "SRCC is not defined: there are no different scores"
    error = 1.96 * spearman_error(_SRCC, worth)
    if error > _SRCC:
        return name, value, "too few to say whether an SRCC is above 0"
    notes = [
        f"an SRCC of {_SRCC:g} is known to ±{error:.2f}",
        "too few to tell policies apart" if error > _WIDE else "",
        "so few groups say little of others" if count < min(len(rows), _FEW_GROUPS) else "",
    ]
    return name, value, "; ".join(filter(None, notes))


def _of_steps(steps: Mapping[str, tuple[int, int]]) -> Row:
    told = [
        f"{expert} {fewest}" + (f" to {most}" if most > fewest else "")
        for expert, (fewest, most) in steps.items()
    ]
    note = (
        f"hardly anything is learnt in fewer than {_FEW_STEPS}: more images, or a smaller "
        f"`dpo_training.batch_size`"
        if any(most < _FEW_STEPS for _, most in steps.values())
        else ""
    )
    return "training steps", ", ".join(told), note
