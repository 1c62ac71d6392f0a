from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from selfscore.metrics.accuracy import (
    exact,
    level_entropy,
    mean_absolute_error,
    root_mean_squared_error,
    share,
    within,
)

Metric = Callable[..., Any]


def test_within_counts_the_border_and_not_beyond() -> None:
    assert within([3, 4, 5, 6], [4, 4, 4, 4]) == 0.75
    assert within([3, 4, 5, 6], [4, 4, 4, 4], distance=0) == 0.25
    assert within([5.01], [4]) == 0.0


def test_exact_asks_for_the_nearest_level() -> None:
    assert exact([4, 5], [4, 4]) == 0.5
    assert exact([3.6, 4.4, 3.4, 4.6], [4, 4, 4, 4]) == 0.5


tenths = st.integers(-10_000, 10_000).map(lambda value: value / 10)


@given(st.lists(st.tuples(tenths, tenths), min_size=1, max_size=30))
def test_errors_agree_with_sklearn_and_in_their_order(pairs: list[tuple[float, float]]) -> None:
    predicted, true = np.array(pairs).T
    absolute = mean_absolute_error(predicted, true)
    squared = root_mean_squared_error(predicted, true)
    assert absolute == pytest.approx(reference.mean_absolute_error(true, predicted))
    assert squared == pytest.approx(reference.root_mean_squared_error(true, predicted))
    assert squared >= absolute * (1 - 1e-12)


def test_shares_are_taken_over_the_last_axis() -> None:
    np.testing.assert_allclose(share([[True, False], [True, True]]), [0.5, 1.0])


@pytest.mark.parametrize("metric", [mean_absolute_error, root_mean_squared_error, within, exact])
def test_no_values_give_nan(metric: Metric) -> None:
    assert np.isnan(metric([], []))
    assert np.isnan(share([]))
    assert np.isnan(level_entropy([], 10))


@pytest.mark.parametrize("metric", [mean_absolute_error, root_mean_squared_error, within, exact])
def test_unequal_lengths_are_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match="got 1 predictions and 2 true values"):
        metric([1], [1, 2])


def test_entropy_is_zero_for_one_level_and_one_for_all() -> None:
    assert level_entropy([4, 4, 4], 10) == 0.0
    assert level_entropy(list(range(10)), 10) == pytest.approx(1.0)
    assert level_entropy([0, 9], 10) == pytest.approx(np.log(2) / np.log(10))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50))
def test_entropy_stays_between_zero_and_one(levels: list[int]) -> None:
    assert 0.0 <= level_entropy(levels, 10) <= 1.0 + 1e-12
