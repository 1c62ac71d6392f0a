"""Splits that a policy can be learnt from and chosen on, or what to change to have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pandas as pd

from selfscore.configuration.splits import SPLITS
from selfscore.scored_images.splitting import fill_splits, joined_by_content

# Different scores that a split must have: levels to tell apart, and a rank correlation to choose
# by. That of the test split may be undefined.
_DIFFERENT = {"train": 2, "validation": 2, "test": 1}
# Two levels, and two images of one of them.
_LEAST_TO_TRAIN = 3
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Drawing:
    """How images get their split.

    Attributes:
        validation_share: share of the images for validation where that split is drawn.
        test_share: share for the test.
        most: images of each split at most; None takes all.
        seed: decides what is drawn.
    """

    validation_share: float
    test_share: float
    most: int | None
    seed: int

    def __call__(self, images: pd.DataFrame) -> pd.DataFrame:
        """The images with a split each, see `fill_splits`, in their order."""
        split = fill_splits(images, self.validation_share, self.test_share, self.seed)
        images = images.assign(split=split)
        if self.most is None:
            return images
        return self.shuffled(images).groupby("split").head(self.most).sort_index()

    def shuffled(self, images: pd.DataFrame) -> pd.DataFrame:
        """The order in which a subset takes images, so that a larger one holds the smaller one."""
        return images.sample(frac=1, random_state=self.seed)


def split(images: pd.DataFrame, drawing: Drawing) -> pd.DataFrame:
    """The images with a split each.

    Args:
        images: As `fill_splits` takes them.
        drawing: How.

    Raises:
        ValueError: If nothing could be learnt from such splits, or no policy chosen on them. It
            says what to change; that was tried.
    """
    drawn = drawing(images)
    fault = _fault(drawn)
    if fault:
        raise ValueError(f"{fault}. {next(_remedies(images, drawing))}")
    return drawn


def _fault(images: pd.DataFrame) -> str:
    """What is wrong with splits; "" if nothing is."""
    training = int((images["split"] == "train").sum())
    for split in SPLITS:
        scores = images.loc[images["split"] == split, "score"]
        if scores.empty:
            return f"The {split} split has no images"
        if scores.nunique() < _DIFFERENT[split]:
            has = "one image" if len(scores) == 1 else f"{len(scores)} images, all"
            use = {"train": "to learn from", "validation": "to choose a policy by"}[split]
            return f"The {split} split has {has} with the score {scores.iloc[0]:g}: nothing {use}"
    if training < _LEAST_TO_TRAIN:
        return f"The train split has {training} images: too few to learn from"
    return ""


def _remedies(images: pd.DataFrame, drawing: Drawing) -> Iterator[str]:
    """What would help, the smallest change first."""
    if images["score"].nunique() < 2 <= len(images):
        yield "Set `ingestion.columns.score` to a column in which images have different scores."
    if drawing.most is not None:
        yield from _larger_subset(images, drawing)
    yield from _fewer_given(images, drawing)
    yield from _other_shares(images, drawing)
    yield (
        f"Give more: there are {joined_by_content(images).nunique()} groups or single images with "
        f"{images['score'].nunique()} different scores, and it takes at least {_LEAST_TO_TRAIN} to "
        f"learn from and 2 to choose by, with different scores each, and 1 to test on."
    )


def _larger_subset(images: pd.DataFrame, drawing: Drawing) -> Iterator[str]:
    alike = replace(drawing, most=None)
    whole = alike(images)
    if _fault(whole):
        yield f"Set `ingestion.max_images_per_split` to null. {next(_remedies(images, alike))}"
    shuffled = drawing.shuffled(whole)
    # The first that differs of each split in which there must be one.
    scores = [
        shuffled.loc[shuffled["split"] == split, "score"].to_numpy()
        for split, different in _DIFFERENT.items()
        if different > 1
    ]
    least = max(int((of_split != of_split[0]).argmax()) + 1 for of_split in scores)
    least = max(least, _LEAST_TO_TRAIN)
    yield f"Set `ingestion.max_images_per_split` to at least {least}."


def _fewer_given(images: pd.DataFrame, drawing: Drawing) -> Iterator[str]:
    for split in ("validation", "test"):
        merged = images.assign(split=images["split"].replace(split, "train"))
        if (images["split"] == split).any() and not _fault(drawing(merged)):
            yield f"Name the rows of its {split} split 'train' in the table, so that it is drawn."
    if (images["split"] != "").any() and not _fault(drawing(images.assign(split=""))):
        yield "Take the column with the splits out of the table, so that they are drawn."


def _other_shares(images: pd.DataFrame, drawing: Drawing) -> Iterator[str]:
    """The nearest first."""
    now = drawing.validation_share, drawing.test_share
    others = [pair for pair in product([now[0], *_SHARES], [now[1], *_SHARES]) if sum(pair) < 1]
    others.sort(key=lambda pair: abs(pair[0] - now[0]) + abs(pair[1] - now[1]))
    for validation, test in others:
        drawn = replace(drawing, validation_share=validation, test_share=test)(images)
        if not _fault(drawn):
            yield (
                f"Set `ingestion.validation_share` to {validation:g} and `ingestion.test_share` to "
                f"{test:g}."
            )
