import pytest

from selfscore.judging.judge import without_score_words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("It Scored 7/10, a score of Seven.", "It / , a of ."),
        ("The sky is good.\nScoring: nine", "The sky is good. :"),
        ("Everyone is often underscored.", "Everyone is often underscored."),
        ("  ", ""),
    ],
)
def test_what_would_give_the_score_away_is_left_out(text: str, read: str) -> None:
    assert without_score_words(text) == read
    assert without_score_words(read) == read
