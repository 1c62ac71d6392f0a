"""What raters are shown is balanced, and its texts are what they are said to be."""

from __future__ import annotations

import pandas as pd
import pytest
from small_study import checks, generations, items, predictions, scored_images, settings

from selfscore.study import items as module
from selfscore.study.items import NONE, OWN, draw_items, study_id


@pytest.fixture(scope="module")
def shown() -> pd.DataFrame:
    return items()


def test_every_rater_sees_every_picture_once(shown: pd.DataFrame) -> None:
    assert (shown.groupby("seat")["item"].nunique() == 48).all()
    assert not shown.duplicated(["seat", "item"]).any()
    assert shown.groupby("item")["image_id"].nunique().eq(1).all()
    assert (shown.groupby("seat")["order"].max() == 47).all()


@pytest.mark.parametrize("by", ["seat", "item"])
def test_ways_are_balanced_over_raters_and_over_pictures(shown: pd.DataFrame, by: str) -> None:
    for task, ways in (("guess", 2), ("check", 6)):
        rows = shown[shown["task"] == task]
        counts = rows.groupby([by, "arm", "planted"]).size()
        assert counts.nunique() == 1 and len(counts) == ways * rows[by].nunique()


def test_raters_see_them_in_different_orders(shown: pd.DataFrame) -> None:
    in_order = shown.sort_values(["seat", "order"])
    assert in_order.groupby("seat")["item"].agg(tuple).nunique() == 12
    tasks = in_order.query("seat == 1")["task"].tolist()
    assert tasks == ["guess"] * 24 + ["check"] * 24


def test_texts_have_no_score_in_them(shown: pd.DataFrame) -> None:
    assert not shown["text"].str.contains(r"\d|Score").any()
    assert ((shown["text"] == "") == (shown["arm"] == NONE)).all()


def test_controls_are_texts_of_other_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts name their picture, once their numbers are left in; in checks the level is one."""
    monkeypatch.setattr(module, "without_score_words", str)
    shown = items()
    level_of = {row.explanation: row.level for row in generations().itertuples()}
    for row in shown[shown["arm"] != NONE].itertuples():
        own = f"of {row.image_id}." in row.text or f"of {row.image_id}," in row.text
        assert own == (row.arm == OWN), row
    for row in checks(shown[shown["arm"] != NONE]).itertuples():
        assert level_of[row.text] == row.level
        place, other = (int(name[6:]) for name in (row.image_id, row.text.split()[2].strip(",")))
        assert row.arm == OWN or place // 2 != other // 2, "nor of the same scene"
    planted = checks(shown)["planted"].astype(bool)
    assert (planted == (checks(shown)["level"] >= 5)).all()


def test_the_same_seed_makes_the_same_study(shown: pd.DataFrame) -> None:
    assert study_id(items()) == study_id(shown)
    another = draw_items(predictions(), generations(), scored_images(), settings(), 1)
    assert study_id(another) != study_id(shown)


def test_fewer_pictures_make_a_smaller_study_and_none_is_told() -> None:
    few = draw_items(predictions(8), generations(8), scored_images(8), settings(), 0)
    assert few.groupby("task")["item"].nunique().to_dict() == {"check": 6, "guess": 6}
    with pytest.raises(ValueError, match="'check' of the study needs at least 6 pictures"):
        draw_items(predictions(), generations(5), scored_images(), settings(), 0)


@pytest.mark.parametrize("wrong", [{"raters": 10}, {"guess_pictures": 3}, {"check_pictures": 8}])
def test_numbers_that_leave_it_unbalanced_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="multiple of"):
        settings(**wrong)
