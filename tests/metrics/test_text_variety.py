from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from selfscore.metrics import text_variety
from selfscore.metrics.text_variety import distinct, generic_share, repeated_share, words_of

some_words = st.lists(st.sampled_from("abcdef"), max_size=12)


def random_texts(n: int, length: int = 15, vocabulary: int = 400, seed: int = 0) -> list[str]:
    drawn = np.random.default_rng(seed).integers(0, vocabulary, (n, length))
    return [" ".join(f"word{number}" for number in row) for row in drawn]


def test_words_are_without_case_and_punctuation() -> None:
    assert words_of("It's a SHARP, well-lit picture.") == ["it's", "a", "sharp", "well", "lit"] + [
        "picture"
    ]
    assert words_of("...") == []


def test_repeated_share_counts_what_was_said_before() -> None:
    assert repeated_share(["a", "b", "c", "d"]) == 0.0
    assert repeated_share(["a", "b", "c", "a", "b", "c"]) == 0.25
    assert repeated_share(["a", "a", "a", "a", "a", "a"]) == 0.75
    assert repeated_share(["a", "b"]) == 0.0


@given(st.lists(some_words, max_size=8), st.integers(1, 3))
def test_distinct_of_few_texts_is_the_plain_one(texts: list[list[str]], n: int) -> None:
    lines = [" ".join(words) for words in texts]
    vectorizer = CountVectorizer(analyzer="word", ngram_range=(n, n), token_pattern=r"\w")
    if all(len(words) < n for words in texts):
        assert np.isnan(distinct(texts, n))
    else:
        counts = vectorizer.fit_transform(lines)
        assert distinct(texts, n) == pytest.approx(counts.shape[1] / counts.sum())


@given(st.lists(st.sampled_from("abcd"), min_size=3, max_size=9), st.integers(1, 9))
def test_distinct_is_the_mean_over_all_draws(words: list[str], sample: int) -> None:
    sample = min(sample, len(words))
    draws = [len(set(draw)) / sample for draw in combinations(words, sample)]
    assert distinct([words], 1, sample) == pytest.approx(np.mean(draws))


def test_distinct_does_not_depend_on_the_number_of_texts() -> None:
    texts = [text.split() for text in random_texts(2000, vocabulary=300)]
    few, many = distinct(texts[:100], 1), distinct(texts, 1)
    assert few == pytest.approx(many, rel=0.05)
    plain = [
        len(Counter(word for words in part for word in words)) / sum(map(len, part))
        for part in (texts[:100], texts)
    ]
    assert plain[0] > 5 * plain[1]


def test_texts_that_differ_are_not_generic() -> None:
    assert generic_share(random_texts(200)) == 0.0


def test_a_stock_text_is_generic_whatever_its_case_and_punctuation() -> None:
    stock = ["A nice picture, well lit.", "a nice picture well lit!"] * 20
    assert generic_share(stock + random_texts(60)) == 0.4


def test_one_word_in_a_long_text_makes_no_difference_and_another_text_does() -> None:
    (stock,) = random_texts(1, length=60, seed=1)
    varied = [f"{stock} {number}" for number in range(30)]
    assert generic_share(varied + random_texts(70)) == 0.3
    assert generic_share(random_texts(30, length=60, seed=2) + random_texts(70)) == 0.0


def test_what_is_said_of_few_images_is_not_generic() -> None:
    texts = ["one stock text"] * 5 + ["quite another"] * 6 + random_texts(89)
    assert generic_share(texts) == 0.06
    assert generic_share(texts, copies=0.0) == 0.11
    # Of few images, one copy is not many.
    assert generic_share(["one text", "quite another"]) == 0.0
    assert generic_share(["one text", "one text", "quite another"]) == pytest.approx(2 / 3)


def test_of_very_many_texts_some_are_compared_and_the_share_stays(monkeypatch) -> None:
    texts = ["one stock text"] * 120 + random_texts(280)
    monkeypatch.setattr(text_variety, "_COMPARED", 200)
    assert generic_share(texts) == pytest.approx(0.3, abs=0.06)
    assert generic_share(texts) == generic_share(texts[::-1])


def test_texts_without_words_are_one_text() -> None:
    assert generic_share(["...", "!!!", "?"]) == 1.0
    assert np.isnan(generic_share([]))


@given(st.permutations(["a b", "a b", "c d", "e f g", "a b c"] * 3), st.floats(0, 1))
def test_the_order_of_the_texts_does_not_matter(texts: list[str], copies: float) -> None:
    assert generic_share(texts, copies) == generic_share(sorted(texts), copies)
