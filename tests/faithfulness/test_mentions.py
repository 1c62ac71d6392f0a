import pytest

from selfscore.faithfulness.mentions import FaultTerms

TERMS = FaultTerms({"blur": ["blurred", "out of  Focus"], "noise": ["noisy", "heavy grain"]})


@pytest.mark.parametrize(
    "text",
    [
        "The picture is very blurred.",
        "BLURRED, sadly",
        "It is out\nof focus.",
        "It is not sharp. It is blurred.",
        "Not sharp but rather a little blurred.",
    ],
)
def test_a_fault_is_named_by_any_of_its_terms(text: str) -> None:
    assert TERMS.names(text, "blur")
    assert not TERMS.names(text, "noise")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sharp.",
        "It is unblurred.",
        "It is not blurred.",
        "It isn't at all blurred.",
        "It isn’t blurred.",
        "No part is out of focus.",
        "Free of heavy grain, and never blurred.",
    ],
)
def test_what_a_picture_has_not_got_is_not_named(text: str) -> None:
    assert not TERMS.names(text, "blur")
    assert not TERMS.names(text, "noise")


def test_of_several_mentions_one_that_is_not_denied_counts() -> None:
    assert TERMS.names("The corner is not blurred. All the rest is blurred.", "blur")
