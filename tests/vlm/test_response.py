import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.vlm.response import (
    ParsedResponse,
    Prompts,
    parse_response,
    response_prefix,
    write_response,
)

explanations = st.text(
    st.characters(blacklist_characters="#\n\r", blacklist_categories=("C", "Z")), min_size=1
)


@given(level=st.integers(0, 9), explanation=explanations)
def test_what_is_written_is_read_back(level, explanation):
    response = write_response(level, explanation)
    assert response.startswith(response_prefix(level))
    assert parse_response(response, 10) == ParsedResponse(level, explanation)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "7",
        "#Score: 7",
        "#Score: 7\n#Explanation:",
        "#Score: 7\n#Explanation: ",
        "Score: 7\n#Explanation: Good.",
        "#Score: seven\n#Explanation: Good.",
        "#Score: 07\n#Explanation: Good.",
        "#Score: 10\n#Explanation: Good.",
        "#Score: 7 #Explanation: Good.",
        "#Score: 7\n#Explanation: Good.\n#Score: 3",
        "#Score: 7\n#Explanation: Good. #Explanation: Bad.",
        "Sure! #Score: 7\n#Explanation: Good.",
    ],
)
def test_anything_else_is_not_an_answer(broken):
    assert parse_response(broken, 10) is None


def test_the_prompts_version_changes_with_the_words():
    one = Prompts("Rate it.", "Why {level}?")
    assert one.version == Prompts("Rate it.", "Why {level}?").version
    assert one.version != Prompts("Rate it!", "Why {level}?").version
    assert len(one.version) == 12


def test_justify_needs_its_placeholder():
    with pytest.raises(ValueError, match=r"no placeholder \{level\}"):
        Prompts("Rate it.", "Why?")


@pytest.mark.parametrize("other", ["{", "}", "{}", "{0}", "{name}", "{level.x}", "{level[0]}"])
def test_other_braces_in_a_prompt_are_refused_before_they_are_filled_in(other):
    with pytest.raises(ValueError, match="other braces than {level}.*twice"):
        Prompts("Rate it.", f"Why {{level}} {other}?")


def test_braces_written_twice_are_braces():
    assert Prompts("Rate it.", "{{json}} {level}").justify.format(level=3) == "{json} 3"
