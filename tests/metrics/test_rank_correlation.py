from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from selfscore.metrics.rank_correlation import kendall, plcc, srcc

Metric = Callable[..., Any]
Columns = tuple[np.ndarray, np.ndarray]

# Whole tenths: enough ties to matter, no differences lost to rounding.
tenths = st.integers(-100, 100).map(lambda value: value / 10)


def columns(n_min: int = 3, n_max: int = 40) -> st.SearchStrategy[Columns]:
    return st.integers(n_min, n_max).flatmap(
        lambda n: st.tuples(
            arrays(np.float64, n, elements=tenths), arrays(np.float64, n, elements=tenths)
        )
    )


def is_constant(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall 1945, from the signs of all pairs."""
    x_order, y_order = (np.sign(values[:, None] - values) for values in (x, y))
    return float((x_order * y_order).sum() / np.sqrt(np.abs(x_order).sum() * np.abs(y_order).sum()))


@given(columns())
def test_agrees_with_scipy_with_ties(pair: Columns) -> None:
    x, y = pair
    if is_constant(x) or is_constant(y):
        assert np.isnan(srcc(x, y))
        assert np.isnan(plcc(x, y))
        assert np.isnan(kendall(x, y))
    else:
        assert srcc(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
        assert kendall(x, y) == pytest.approx(tau_b(x, y), abs=1e-9)
        assert plcc(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", [srcc, plcc, kendall])
@given(columns(0, 4))
def test_a_handful_of_rows_has_a_figure_or_none(metric: Metric, pair: Columns) -> None:
    """Also two rows, ties and constants; resamples of two clusters are as short."""
    x, y = pair
    figure = metric(x, y)
    assert figure.shape == ()
    if len(x) < 2 or is_constant(x) or is_constant(y):
        assert np.isnan(figure)
    elif len(x) == 2:
        assert figure == pytest.approx(tau_b(x, y))
    else:
        assert -1 <= figure <= 1
    np.testing.assert_array_equal(metric(np.stack([x, x]), y), [figure, figure])


@pytest.mark.parametrize("metric", [srcc, kendall])
@given(columns())
def test_ranks_ignore_increasing_rescaling_and_are_symmetric(metric: Metric, pair: Columns) -> None:
    x, y = pair
    np.testing.assert_allclose(metric(x, y), metric(np.exp(x / 5), 3 * y + 2), atol=1e-12)
    np.testing.assert_allclose(metric(x, y), metric(y, x), atol=1e-12)


@pytest.mark.parametrize("metric", [srcc, kendall])
@given(columns())
def test_reversing_the_order_flips_the_sign(metric: Metric, pair: Columns) -> None:
    x, y = pair
    np.testing.assert_allclose(metric(-x, y), -metric(x, y), atol=1e-12)


def test_works_on_many_rows_of_values_at_once() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 5, 30))
    for metric, reference in ((srcc, stats.spearmanr), (kendall, stats.kendalltau)):
        expected = [reference(a, b).statistic for a, b in zip(x, y, strict=True)]
        np.testing.assert_allclose(metric(x, y), expected)
    np.testing.assert_allclose(kendall(x.reshape(5, 1, 30), y[:, None])[:, 0], kendall(x, y))


@pytest.mark.parametrize("metric", [srcc, plcc, kendall])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0]),
    ],
)
def test_what_is_not_defined_is_nan(metric: Metric, x: list[float], y: list[float]) -> None:
    assert np.isnan(metric(x, y))


def test_a_constant_with_rounding_noise_is_a_constant() -> None:
    assert np.isnan(plcc([0.1 + 0.2, 0.3, 0.3], [1.0, 2.0, 3.0]))


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2 predictions and 3 true values"):
        srcc([1, 2], [1, 2, 3])
