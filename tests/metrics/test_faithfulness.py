from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.metrics.faithfulness import StatementLexicon, faithfulness

ENTRIES = [
    {"phrase": "blurred", "attribute": "blur", "low": 0.3, "high": 0.6},
    {"phrase": "very blurred", "attribute": "blur", "low": 0.6, "high": 1.0},
    {"phrase": "not blurred", "attribute": "blur", "low": 0.0, "high": 0.3},
    {"phrase": "sharp", "attribute": "blur", "low": 0.0, "high": 0.2},
    {"phrase": "noisy", "attribute": "noise", "low": 0.5, "high": 1.0},
    {"phrase": "picture is noisy", "attribute": "noise", "low": 0.5, "high": 1.0},
    {"phrase": "the picture", "attribute": "noise", "low": 0.0, "high": 1.0},
]
LEXICON = StatementLexicon(ENTRIES)


def phrases(text: str) -> list[str]:
    return [statement.phrase for statement in LEXICON.statements_in(text)]


def test_the_longest_phrase_wins_and_nothing_is_counted_twice() -> None:
    assert phrases("It is Very   blurred, and noisy.") == ["very blurred", "noisy"]
    assert phrases("It is not blurred.") == ["not blurred"]
    # The longer phrase is taken although an overlapping shorter one starts before it.
    assert phrases("The picture is noisy.") == ["picture is noisy"]


def test_parts_of_words_are_not_statements() -> None:
    assert phrases("Unblurred sharpness.") == []


def test_statements_keep_the_order_of_the_text_and_repeat() -> None:
    assert phrases("Noisy, sharp, noisy.") == ["noisy", "sharp", "noisy"]


def test_share_of_true_statements() -> None:
    severities = {"blur": 0.8, "noise": 0.1}
    assert faithfulness("Very blurred and noisy.", severities, LEXICON) == 0.5
    assert faithfulness("Very blurred.", severities, LEXICON) == 1.0
    assert faithfulness("Sharp.", severities, LEXICON) == 0.0


def test_borders_of_the_range_are_true() -> None:
    assert faithfulness("Very blurred.", {"blur": 0.6}, LEXICON) == 1.0
    assert faithfulness("Very blurred.", {"blur": 0.59}, LEXICON) == 0.0


def test_texts_without_statements_are_not_scored() -> None:
    assert faithfulness("I like it.", {"blur": 0.1}, LEXICON) is None
    assert faithfulness("", {"blur": 0.1}, LEXICON) is None
    assert faithfulness("Very blurred.", {"blur": 0.1}, StatementLexicon([])) is None


@given(st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=6))
def test_every_statement_put_in_is_found_again(entries: list[dict[str, Any]]) -> None:
    text = ". ".join(entry["phrase"] for entry in entries)
    assert phrases(text) == [entry["phrase"] for entry in entries]


@given(st.text(max_size=80), st.floats(0, 1), st.floats(0, 1))
def test_is_a_share_or_not_scored(text: str, blur: float, noise: float) -> None:
    value = faithfulness(text, {"blur": blur, "noise": noise}, LEXICON)
    assert value is None or 0.0 <= value <= 1.0


def test_an_attribute_without_severity_is_named() -> None:
    with pytest.raises(ValueError, match=r"'noisy' is about 'noise'.*\['blur'\]"):
        faithfulness("Noisy.", {"blur": 0.2}, LEXICON)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"phrase": "x", "attribute": "a", "low": 0.0}, "lacks high"),
        ({"phrase": " ", "attribute": "a", "low": 0.0, "high": 1.0}, "empty phrase"),
        ({"phrase": "x", "attribute": "a", "low": 0.9, "high": 0.1}, "low 0.9 > high 0.1"),
    ],
)
def test_a_bad_lexicon_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StatementLexicon([entry])
    with pytest.raises(ValueError, match="twice"):
        StatementLexicon([ENTRIES[0], {**ENTRIES[0], "phrase": "Blurred"}])
