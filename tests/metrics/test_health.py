import re
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.metrics.health import HealthThresholds, check_health, health_metrics

THRESHOLDS = HealthThresholds(
    min_format_valid=0.95,
    min_level_entropy=0.5,
    max_top_level_share=0.5,
    min_distinct_1=0.05,
    min_distinct_2=0.08,
    max_repeated_trigrams=0.2,
    max_generic=0.4,
    min_mean_words=4,
    max_mean_words=80,
)
WORDS = [f"word{number}" for number in range(300)]


def explanations(n: int, length: int, words: list[str] = WORDS, seed: int = 0) -> list[str]:
    drawn = np.random.default_rng(seed).integers(0, len(words), (n, length))
    return [" ".join(words[number] for number in row) for row in drawn]


def healthy(n: int = 100) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "valid": True,
            "emitted_level": pd.array(np.arange(n) % 10, dtype="Int64"),
            "explanation": explanations(n, 15),
        }
    )


def unreadable(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[:9, "valid"] = False
    table.loc[:9, "emitted_level"] = pd.NA
    table.loc[:9, "explanation"] = ""
    return table


def one_level(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(emitted_level=[5] * 91 + [0, 1, 2, 3, 4, 6, 7, 8, 9])


def three_levels(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(emitted_level=[4] * 34 + [5] * 33 + [6] * 33)


def few_words(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(explanation=explanations(100, 15, WORDS[:20]))


def few_phrases(table: pd.DataFrame) -> pd.DataFrame:
    phrases = [" ".join(WORDS[start : start + 15]) for start in range(0, 30, 15)]
    return table.assign(explanation=explanations(100, 2, phrases))


def loops(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(explanation=[f"{text} " * 3 for text in explanations(100, 5)])


def stock_text(table: pd.DataFrame) -> pd.DataFrame:
    texts = explanations(100, 15)
    texts[:41] = ["It is a nice picture that is pleasant to look at."] * 41
    return table.assign(explanation=texts)


def three_words(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(explanation=explanations(100, 3))


def ninety_words(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(explanation=explanations(100, 90))


def breached(table: pd.DataFrame) -> dict[str, str]:
    found = check_health(health_metrics(table, 10), THRESHOLDS, trained=True)
    return {breach.threshold: breach.sentence for breach in found}


def test_a_healthy_policy_breaches_nothing() -> None:
    assert breached(healthy()) == {}


@pytest.mark.parametrize(
    ("fail", "threshold", "sentence"),
    [
        (unreadable, "min_format_valid", "broken format: only 90 % of the answers"),
        (one_level, "max_top_level_share", "score collapse: 91 % of predictions are level 5"),
        (three_levels, "min_level_entropy", "score collapse: the entropy of .* is 0.48 of the"),
        (few_words, "min_distinct_1", "poor vocabulary: only 4 % of the words"),
        (few_phrases, "min_distinct_2", "stock phrases: only"),
        (loops, "max_repeated_trigrams", "repetition: .* % of the word triples"),
        (stock_text, "max_generic", "generic explanations: 41 % of the images"),
        (three_words, "min_mean_words", "shrinking explanations: they have 3 words"),
        (ninety_words, "max_mean_words", "rambling explanations: they have 90 words"),
    ],
)
def test_each_failure_is_named_with_what_to_try(
    fail: Callable[[pd.DataFrame], pd.DataFrame], threshold: str, sentence: str
) -> None:
    found = breached(fail(healthy()))
    assert threshold in found
    said = pytest.approx(getattr(THRESHOLDS, threshold))
    assert float(found[threshold].split(f"(`{threshold}` is ")[1].split(")")[0]) == said
    assert re.match(sentence, found[threshold])
    assert "Unless the base model answers so, too, train with a lower" in found[threshold]


def test_failures_are_told_apart() -> None:
    assert set(breached(one_level(healthy()))) == {"min_level_entropy", "max_top_level_share"}
    for fail, threshold in (
        (unreadable, "min_format_valid"),
        (three_levels, "min_level_entropy"),
        (loops, "max_repeated_trigrams"),
        (stock_text, "max_generic"),
        (three_words, "min_mean_words"),
        (ninety_words, "max_mean_words"),
    ):
        assert set(breached(fail(healthy()))) == {threshold}


def test_what_is_unreadable_counts_in_the_format_alone() -> None:
    values = health_metrics(unreadable(healthy()), 10)
    rest = health_metrics(healthy().iloc[10:], 10)
    assert values.pop("format_valid") == 0.9 and rest.pop("format_valid") == 1.0
    assert values == rest


def test_a_policy_without_one_readable_answer_is_told_so_once() -> None:
    table = healthy().assign(valid=False, emitted_level=pd.NA, explanation="")
    values = health_metrics(table, 10)
    assert values.pop("format_valid") == 0.0
    assert all(np.isnan(value) for value in values.values())
    assert set(breached(table)) == {"min_format_valid"}
    assert breached(table.iloc[:0]) == {}


@given(st.permutations(range(30)))
def test_the_order_of_the_answers_does_not_matter(order: list[int]) -> None:
    table = one_level(healthy()).iloc[70:]
    assert health_metrics(table, 10) == pytest.approx(health_metrics(table.iloc[order], 10))


def test_limits_themselves_are_healthy_and_none_is_no_limit() -> None:
    values = health_metrics(one_level(healthy()), 10)
    nothing = replace(THRESHOLDS, **dict.fromkeys(asdict(THRESHOLDS)))
    assert check_health(values, nothing, trained=True) == []
    assert check_health(values, replace(nothing, max_top_level_share=0.91), trained=True) == []
    (breach,) = check_health(values, replace(nothing, max_top_level_share=0.9), trained=True)
    assert (breach.figure, breach.value, breach.limit) == ("top_level_share", 0.91, 0.9)
