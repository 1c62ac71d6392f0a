from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from selfscore.datasets.contracts import DataCheck
from selfscore.scored_images import score_scale
from selfscore.scored_images.data_check import Source, data_check

SOURCE = Source(["a.csv: 100 rows"], {"image": "file", "score": "stars"}, "stars")
NOTHING = pd.DataFrame({"path": [], "reason": [], "listed": []}).astype(
    {"path": "str", "reason": "str", "listed": bool}
)
STEPS = {"scoring": (52, 52), "level": (26, 208)}


def images(count: int = 100, **columns: Any) -> pd.DataFrame:
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    table = {
        "sha256": [str(number) for number in range(count)],
        "split": [splits[number % 10] for number in range(count)],
        "group": "",
        "score": [1.0 + number % 50 / 10 for number in range(count)],
    }
    return pd.DataFrame({**table, **columns})


def check(
    table: pd.DataFrame,
    quarantine: pd.DataFrame = NOTHING,
    source: Source = SOURCE,
    steps: dict[str, tuple[int, int]] = STEPS,
    given: str = "",
) -> dict[str, str]:
    """What → value and note."""
    scale = score_scale.fit(table["score"].to_numpy(), 10, "quantile", source.unit)
    levels = score_scale.place(table["score"].to_numpy(), scale["edges"])
    usable = table.assign(split=table["split"].where(table["split"].isin(given.split()), ""))
    rows = data_check(table.assign(level=levels), usable, quarantine, scale, source, steps)
    DataCheck.validate(rows)
    return {str(row.what): f"{row.value} | {row.note}" for row in rows.itertuples()}


def test_good_data() -> None:
    told = check(images())
    assert told["scores"] == "a.csv: 100 rows; columns: image 'file', score 'stars' | "
    assert told["images"] == "100 | one for each row"
    assert told["splits"].startswith("60 train, 20 validation, 20 test | drawn, whole groups")
    assert told["groups"].startswith("none | each image stands alone")
    assert told["copies"].startswith("none")
    assert told["range"] == "1 to 5.9, median 3.45 | stars"
    assert told["levels"].startswith("10 (as many images each as ties permit): 0 = 1.2, 1 = 1.7")
    assert told["validation split"] == "20 images | an SRCC of 0.5 is known to ±0.38; too few " + (
        "to tell policies apart"
    )
    assert told["training steps"] == "scoring 52, level 26 to 208 | "


def test_what_is_in_quarantine_and_why() -> None:
    reasons = ["split 'a' is odd", "split 'b' is odd", "not in the score table"]
    quarantine = pd.DataFrame(
        {"path": ["x", "y", "z"], "reason": reasons, "listed": [True, True, False]}
    )
    table = images()
    scale = score_scale.fit(table["score"].to_numpy(), 10, "quantile", "")
    levelled = table.assign(level=0)
    rows = data_check(levelled, table, quarantine, scale, SOURCE, STEPS)
    found = rows[rows["what"] == "in quarantine"]
    assert found["value"].tolist() == ["2", "1"]
    assert found["note"].iloc[0] == "split 'a' is odd (for example 'x')"
    assert "of 102 rows" in rows["note"].tolist()
    rows = data_check(levelled, images(150), quarantine, scale, SOURCE, STEPS)
    assert "a subset of 150, as" in rows["note"][1]


@pytest.mark.parametrize(
    ("splits", "note"),
    [
        ("test train validation", "as 'part' says"),
        ("test train", "validation drawn from the training images, else as 'part' says"),
    ],
)
def test_how_the_splits_came_about(splits: str, note: str) -> None:
    columns = {**SOURCE.columns, "split": "part"}
    told = check(images(), source=Source(["a"], columns, "stars"), given=splits)
    assert told["splits"].endswith(note)


def test_a_further_split_is_told_as_the_others_are() -> None:
    table = images()
    table.loc[90:, "split"] = "locked"
    told = check(table)
    assert told["splits"].startswith("54 train, 18 validation, 18 test, 10 locked | ")
    assert told["locked split"].startswith("10 images | ")


def test_groups_and_copies_are_worth_less_than_their_number() -> None:
    scores = np.repeat(np.arange(10.0), 10)
    groups = np.repeat([f"scene {number}" for number in range(10)], 10)
    told = check(images(score=scores, group=groups))
    assert told["groups"].startswith("10 | the largest has 10 images; 10 are in several splits")
    assert "20 images in 10 groups, worth about 10 independent ones" in told["test split"]
    copies = np.repeat([str(number) for number in range(10)], 10)
    told = check(images(score=scores, sha256=copies))
    assert told["copies"].startswith("90 | 10 different contents")
    assert "worth about 10" in told["test split"]


def test_grades_and_slips_are_told() -> None:
    scores = [1.0, 2.0, 2.0, 3.0] * 25
    told = check(images(score=scores))
    assert told["levels"].startswith("3 (each score is one): 0 = 1, 1 = 2, 2 = 3 | ")
    scores[7] = -999.0
    told = check(images(score=scores))
    assert told["range"].endswith("stars; far from the others: -999")


def test_what_so_few_images_cannot_show() -> None:
    told = check(images(10, score=[1.0, 2] * 5), steps={"scoring": (2, 2)})
    assert "too few to say whether an SRCC is above 0" in told["test split"]
    assert "; 2 have fewer than 10" in told["levels"]
    assert told["training steps"].startswith("scoring 2 | hardly anything is learnt in fewer than")
    told = check(images(10, score=[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 9]))
    assert "SRCC is not defined" in told["test split"]


@pytest.mark.parametrize("takes", [True, False], ids=["a table", "comparisons"])
def test_a_column_of_groups_is_advised_where_one_can_be_named(takes: bool) -> None:
    told = check(images(), source=Source(["a"], SOURCE.columns, "stars", takes_groups=takes))
    assert ("ingestion.columns.group" in told["groups"]) == takes
