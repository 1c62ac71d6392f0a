from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.metrics.accuracy import level_entropy, mean_absolute_error, share, within

Metric = Callable[..., Any]


def test_within_counts_the_border_and_not_beyond() -> None:
    assert within([3, 4, 5, 6], [4, 4, 4, 4]) == 0.75
    assert within([3, 4, 5, 6], [4, 4, 4, 4], distance=0) == 0.25
    assert within([5.01], [4]) == 0.0


def test_shares_are_taken_over_the_last_axis() -> None:
    np.testing.assert_allclose(share([[True, False], [True, True]]), [0.5, 1.0])


@pytest.mark.parametrize("metric", [mean_absolute_error, within])
def test_no_values_give_nan(metric: Metric) -> None:
    assert np.isnan(metric([], []))
    assert np.isnan(share([]))
    assert np.isnan(level_entropy([], 10))


@pytest.mark.parametrize("metric", [mean_absolute_error, within])
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
