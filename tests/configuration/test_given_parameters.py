from __future__ import annotations

import re
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.configuration.given_parameters import read_params, write_value

CONTEXT = click.Context(click.Command("run"))
OPTION = click.Option(["--params"])


def read(text: str) -> dict[str, Any]:
    return read_params(CONTEXT, OPTION, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("0.15", 0.15),
        (".5", 0.5),
        ("1e-5", 1e-5),
        ("1.0e-05", 1e-5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("[scoring,consistency]", ["scoring", "consistency"]),
        ("{id: a, sizes: [1, 2]}", {"id": "a", "sizes": [1, 2]}),
        # Texts stay as they are written.
        ("007", "007"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2019-01-01", "2019-01-01"),
        ("'2019'", "2019"),
        ('"2019"', "2019"),
        ("", ""),
        ("it's", "it's"),
        ("a: b", "a: b"),
        ("#3", "#3"),
        ("~/my images", "~/my images"),
        ("a=b", "a=b"),
        ("stars 1-5", "stars 1-5"),
        ("'a, b'", "a, b"),
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_a_value_is_what_was_written(text: str, value: object) -> None:
    assert read(f"seed=1,a.b={text} ,rounds=2") == {"seed": 1, "a": {"b": value}, "rounds": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((name, name) for name in ("1.50", "2019", "true", "007", "-1")),
        ("null", "null"),
        ("'null'", "null"),
        ("[1, b]", [1, "b"]),
    ],
)
def test_a_name_stays_what_it_is_even_if_it_looks_like_a_number(text: str, value: object) -> None:
    for key in ("ingestion.columns.score", "images.folder"):
        found: Any = read(f"seed=1,{key}={text}")
        for part in key.split("."):
            found = found[part]
        assert found == value


def test_null_is_no_name_where_there_need_not_be_one() -> None:
    assert read("ingestion.columns.group=null") == {"ingestion": {"columns": {"group": None}}}
    assert read("ingestion.columns.group=5") == {"ingestion": {"columns": {"group": "5"}}}


def test_a_comma_that_was_meant_is_told_how_to_write() -> None:
    with pytest.raises(click.UsageError) as error:
        read("rounds=2,images.folder=/my/a, b")
    advised = re.search(r"quotation marks: (.*)$", error.value.message)
    assert advised is not None
    assert read(advised[1]) == {"images": {"folder": "/my/a,b"}}
    with pytest.raises(click.UsageError, match="'rounds' is no `key=value`"):
        read("rounds")


def test_a_mapping_stays_one() -> None:
    assert read_params(CONTEXT, OPTION, {"rounds": "2"}) == {"rounds": "2"}
    assert read("") == {}


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.sampled_from("ab07 ,'=.[]{}:#-"), max_size=8)


@given(plain | texts | st.lists(plain | texts, max_size=3))
def test_what_is_written_is_read_again(value: object) -> None:
    assert read(f"rounds=1,a.b={write_value(value)},seed=0")["a"]["b"] == value


@pytest.mark.parametrize("value", ["5 stars", "~/my images", "it's", 5, 0.25])
def test_what_needs_no_quotation_marks_has_none(value: object) -> None:
    assert write_value(value) == str(value)
