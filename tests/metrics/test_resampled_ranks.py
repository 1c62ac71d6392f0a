from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resamples import resampled

from selfscore.metrics.rank_correlation import kendall, srcc
from selfscore.metrics.resampled_ranks import OF_COUNTS

Metric = Callable[..., Any]
# A number of each of the two columns, and how often the row was drawn; ties and rows that were not
# drawn among them.
ROW = st.tuples(st.integers(-3, 3), st.floats(-2, 2), st.integers(0, 4))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", [srcc, kendall])
@given(st.lists(ROW, min_size=2, max_size=30))
def test_counts_give_what_the_rows_written_out_give(metric: Metric, rows: list[Any]) -> None:
    x, y, drawn = (np.array(column) for column in zip(*rows, strict=True))
    counts = np.stack([drawn, np.ones_like(drawn), drawn[::-1]])
    found = OF_COUNTS[metric](counts, x.astype(float), y)
    expected = [metric(np.repeat(x, times), np.repeat(y, times)) for times in counts]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("metric", [srcc, kendall])
@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(9), np.arange(9)), ["a"] * 36])
def test_intervals_are_those_of_resamples_written_out(metric: Metric, clusters: Any) -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 36)).round(1)
    draws = resampled(clusters=clusters, n=200)
    assert draws.interval(metric, x, y) == draws.interval(lambda a, b: metric(a, b), x, y)
