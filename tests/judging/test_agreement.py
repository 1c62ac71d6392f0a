import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resamples import resampled
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from selfscore.judging.agreement import agreement, weighted_kappa

levels = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=50)


@given(levels)
def test_kappa_is_scikit_learns(pairs) -> None:
    a, b = np.array(pairs).T
    kappa = float(weighted_kappa(a, b))
    if len(set(a) | set(b)) < 2:
        assert np.isnan(kappa)
    else:
        expected = cohen_kappa_score(a, b, labels=range(10), weights="quadratic")
        assert kappa == pytest.approx(expected, abs=1e-12)


def test_kappa_takes_many_resamples_at_once() -> None:
    a, b = np.random.default_rng(0).integers(0, 10, (2, 7, 30))
    one_by_one = [float(weighted_kappa(x, y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(weighted_kappa(a, b), one_by_one)
    assert np.isnan(weighted_kappa([], []))


def test_every_two_judges_on_what_both_read() -> None:
    generator = np.random.default_rng(0)
    first = generator.uniform(0, 9, 100)
    second = np.clip(first + generator.normal(size=100), 0, 9)
    third = generator.uniform(0, 9, 100)
    second[:10] = np.nan
    third[5:20] = np.nan
    table = agreement({"tfidf": first, "self": second, "openai": third}, resampled())
    figures = table.set_index(["of", "metric"])
    assert len(figures) == 6
    kappa = figures.loc[("tfidf/self", "kappa")]
    assert kappa["n"] == 90
    assert kappa["value"] == pytest.approx(
        cohen_kappa_score(np.rint(first[10:]), np.rint(second[10:]), weights="quadratic")
    )
    assert kappa["low"] < kappa["value"] < kappa["high"]
    rank = figures.loc[("self/openai", "srcc")]
    assert rank["n"] == 80
    assert rank["value"] == pytest.approx(spearmanr(second[20:], third[20:]).statistic)


def test_one_judge_has_nobody_to_agree_with() -> None:
    table = agreement({"tfidf": np.arange(5)}, resampled())
    assert table.empty and "value" in table.columns
