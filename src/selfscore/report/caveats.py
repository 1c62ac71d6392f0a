"""What a reader has to keep in mind of the data that a result rests on."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from selfscore.metrics.figures import RIDGE, TRAINING, among
from selfscore.report.changes import FEW
from selfscore.report.truth import truth_notes

# In fewer hardly anything is learnt, as the data check says before the training.
_FEW_STEPS = 10


def caveats(figures: pd.DataFrame, split: str, number: int) -> Iterator[str]:
    """Sentences on what was not measured, and on too little training; none where all is well.

    What there was to learn from is in the data check.

    Args:
        figures: of all rounds.
        split: the one that is reported.
        number: of the round that is looked at.
    """
    yield from truth_notes(figures, split, number)
    yield from _steps(figures, number)
    if among(figures, of=RIDGE, split=split).empty:
        yield (
            "There is no ridge regression to compare with: not all image features are stored "
            "(`image_features.max_gb`)."
        )


def rests_on(drawn: int, images: int, split: str) -> str:
    """How much the intervals of a split rest on, and whether that is enough.

    Args:
        drawn: how many things are drawn for an interval.
        images: of the split.
        split: its name.
    """
    what = f"{drawn} {split} images" if drawn == images else f"{drawn} groups of {split} images"
    if drawn >= FEW:
        return f"The intervals rest on {what}."
    return (
        f"The intervals rest on {what} only: take them as unsure, for of so few they are narrower "
        "than what is known."
    )


def _steps(figures: pd.DataFrame, number: int) -> Iterator[str]:
    steps = among(figures, of=TRAINING, metric="loss", round=number)["n"]
    if len(steps) and steps.max() < _FEW_STEPS:
        yield (
            f"No expert was trained for more than {steps.max()} steps in round {number}, too few "
            "to learn much: give more training images, or raise `dpo_training.epochs`."
        )
