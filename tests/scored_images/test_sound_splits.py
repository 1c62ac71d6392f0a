"""What a message says to change is changed, and then it works."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from selfscore.configuration.splits import SPLITS
from selfscore.scored_images import sound_splits
from selfscore.scored_images.sound_splits import Drawing

DRAWING = Drawing(validation_share=0.15, test_share=0.25, most=None, seed=0)


def images(scores: Sequence[float], **columns: Any) -> pd.DataFrame:
    names = [f"{number:02d}" for number in range(len(scores))]
    alone = {"path": names, "sha256": names, "score": scores, "split": "", "group": ""}
    return pd.DataFrame({**alone, **columns})


def advice(table: pd.DataFrame, drawing: Drawing = DRAWING) -> str:
    with pytest.raises(ValueError) as error:
        sound_splits.split(table, drawing)
    return str(error.value)


@pytest.mark.parametrize(
    "table",
    [
        images([1, 2, 3, 4, 5]),
        images([1, 2, 3, 4, 5, 6, 7, 8]),
        images([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]),
        images([float(number) for number in range(9)], group=list("aaabbcccc")),
        images([0] * 40 + [1, 2], group=[str(number // 6) for number in range(42)]),
        images([1, 2, 3, 4, 5], split=["test"] + [""] * 4),
    ],
)
def test_shares_that_are_advised_work(table: pd.DataFrame) -> None:
    told = advice(table)
    shares = re.search(
        r"validation_share` to (\d[.\d]*) and `ingestion.test_share` to (0\.\d+)", told
    )
    if shares is None:
        assert "it takes at least" in told
        return
    drawing = replace(DRAWING, validation_share=float(shares[1]), test_share=float(shares[2]))
    split = sound_splits.split(table, drawing)
    assert set(split["split"]) == set(SPLITS)


def test_a_subset_that_is_advised_works() -> None:
    table = images([float(number % 2) for number in range(40)])
    told = advice(table, replace(DRAWING, most=1))
    most = re.search(r"max_images_per_split` to at least (\d+)", told)
    assert most is not None
    sound_splits.split(table, replace(DRAWING, most=int(most[1])))
    advice(table, replace(DRAWING, most=int(most[1]) - 1))


def test_a_given_split_with_one_score_can_be_drawn_instead() -> None:
    table = images([float(number) for number in range(30)], split=["train"] * 29 + ["validation"])
    told = advice(table)
    assert "validation split has one image with the score 29" in told
    assert "Name the rows of its validation split 'train'" in told
    sound_splits.split(table.assign(split="train"), DRAWING)


def test_two_faults_have_two_remedies() -> None:
    table = images(range(30), split=["train"] * 29 + ["validation"])
    told = advice(table, replace(DRAWING, most=1))
    assert "max_images_per_split` to null. Name the rows of its validation split 'train'" in told
    sound_splits.split(table.assign(split="train"), DRAWING)


def test_too_few_images_are_told_how_many_it_takes() -> None:
    told = advice(images([1, 2, 3, 4]))
    assert (
        "4 groups or single images with 4 different scores, and it takes at least 3 to learn from"
        in told
    )
    assert "a column in which images have different scores" in advice(images([4.0] * 30))
    assert "there are 1 groups" in advice(images([1.0, 2.0] * 9, group="one"))
