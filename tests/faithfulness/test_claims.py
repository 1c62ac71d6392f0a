import pytest

from selfscore.faithfulness.claims import claims_in, question_of


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("The picture is sharp. It is  good!", ["The picture is sharp.", "It is good!"]),
        ("Sharp at f/2.8 and clear", ["Sharp at f/2.8 and clear"]),
        ("It is sharp. It is sharp.", ["It is sharp."]),
        ("Is it good? … Yes.", ["Is it good?", "Yes."]),
        ("", []),
        (" ... ", []),
    ],
)
def test_every_sentence_is_a_claim_once(text: str, claims: list[str]) -> None:
    assert claims_in(text) == claims


def test_braces_of_a_claim_are_no_placeholders() -> None:
    assert question_of("It has {level}.", "True? {statement}") == "True? It has {level}."
