from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from selfscore.configuration.settings_class import Count, NotNegative, as_parameters, settings_class


@settings_class
class Inner:
    """A section in a section."""

    words: list[str]
    lambda_: Annotated[NotNegative, Field(alias="lambda")]


@settings_class
class Outer:
    """A section."""

    count: Count
    flag: bool
    kind: Literal["a", "b"] | None
    text: str | None
    pair: tuple[int, ...]
    weights: Mapping[str, NotNegative]
    inner: Inner


GOOD = {
    "count": 2,
    "flag": True,
    "kind": None,
    "text": None,
    "pair": [1, 2],
    "weights": {"x": 1},
    "inner": {"words": ["a"], "lambda": 0.5},
}


def test_a_section_becomes_an_object_and_a_section_again():
    made = Outer(**GOOD)
    assert made.inner == Inner(["a"], 0.5)
    assert made.pair == (1, 2) and made.weights == {"x": 1.0}
    assert as_parameters(made) == GOOD | {"pair": (1, 2)}
    with pytest.raises(FrozenInstanceError):
        made.count = 3


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"count": "2"}, ("count",)),
        ({"count": 2.0}, ("count",)),
        ({"count": True}, ("count",)),
        ({"count": 0}, ("count",)),
        ({"flag": 1}, ("flag",)),
        ({"flag": "yes"}, ("flag",)),
        ({"kind": "c"}, ("kind",)),
        ({"text": 1}, ("text",)),
        ({"pair": ["1"]}, ("pair", 0)),
        ({"weights": {"x": float("nan")}}, ("weights", "x")),
        ({"weights": {"x": -1.0}}, ("weights", "x")),
        ({"inner": 3}, ("inner",)),
        ({"inner": GOOD["inner"] | {"word": "a"}}, ("inner", "word")),
        ({"inner": {"words": "a", "lambda": 0.5}}, ("inner", "words")),
        ({"other": 1}, ("other",)),
    ],
)
def test_nothing_is_converted_and_nothing_unknown_taken(changes, place):
    with pytest.raises(ValidationError) as caught:
        Outer(**GOOD | changes)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_a_section_in_full_is_asked_for():
    with pytest.raises(ValidationError, match=r"inner\.lambda\n.*required"):
        Outer(**GOOD | {"inner": {"words": []}})
