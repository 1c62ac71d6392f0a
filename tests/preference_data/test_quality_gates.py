import pytest

from selfscore.preference_data.quality_gates import REASONS, QualityGates
from selfscore.vlm.response import write_response

GATES = QualityGates(min_words=3, max_words=12, max_repetition=0.2, max_generic=0.5)

CASES = {
    "": "The picture is sharp.",
    "malformed": "The picture is sharp",
    "too_short": "Sharp.",
    "too_long": "One two three four five six seven eight nine ten eleven twelve thirteen.",
    "repetitive": "It is dark and it is dark and it is dark.",
    "score_words": "It deserves its score of nine.",
}


@pytest.mark.parametrize(("reason", "text"), CASES.items())
def test_each_gate_names_its_reason(reason, text):
    assert GATES.reasons([write_response(3, text), "filler"], levels=10)[0] == reason


@pytest.mark.parametrize("text", ["I would rate this high.", "It is 5 of ten.", "A scored sheet."])
def test_score_words_and_digits(text):
    assert GATES.reasons([write_response(3, text)], levels=10) == ["score_words"]


def test_a_text_used_for_most_images_is_generic():
    texts = ["It is a picture."] * 3 + ["The sky is blue.", "The colours are faded."]
    reasons = GATES.reasons([write_response(3, text) for text in texts], levels=10)
    assert reasons == ["generic"] * 3 + ["", ""]


def test_broken_format_is_malformed():
    assert (
        GATES.reasons(["#Score: 3 because", "#Score: 12\n#Explanation: A b c."], 10)
        == ["malformed"] * 2
    )


def test_every_reason_is_documented():
    assert {reason for reason in CASES if reason} | {"generic"} == set(REASONS)
