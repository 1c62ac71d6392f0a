"""What a table's words for splits are taken for."""

from __future__ import annotations

import pytest

from selfscore.configuration.splits import check_evaluated, in_order, why_no_split


@pytest.mark.parametrize("name", ["locked", "holdout", "test_2", "test2", "val-b", "extra"])
def test_a_further_split_has_any_name_that_is_no_slip(name: str) -> None:
    assert why_no_split(name, {"train", "test", name}) == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tset", "'tset' is not train, validation or test: did you mean test?"),
        ("trian", "did you mean train?"),
        ("vaild", "did you mean validation?"),
        ("", "'' is not train, validation or test"),
        ("0", "called by letters, digits, _ and - alone"),
        ("fold 3", "called by letters, digits, _ and - alone"),
    ],
)
def test_slips_and_words_that_are_no_name_are_none(name: str, says: str) -> None:
    assert says in why_no_split(name, {"train", "test", name})


def test_where_nothing_is_called_train_the_words_mean_something_else() -> None:
    assert "is not train" in why_no_split("learn", {"learn", "tune", "check"})
    assert why_no_split("test", {"test", "tune"}) == ""


def test_further_splits_come_after_the_three() -> None:
    assert in_order(["locked", "test", "", "extra"]) == [
        "train",
        "validation",
        "test",
        "extra",
        "locked",
    ]


def test_a_split_of_no_image_is_refused_with_those_there_are() -> None:
    check_evaluated(["validation", "locked"], {"train", "validation", "test", "locked"})
    with pytest.raises(ValueError, match="names 'lokced', and .*: there is validation, test, lock"):
        check_evaluated(["test", "lokced"], {"locked", "test", "train", "validation"})
