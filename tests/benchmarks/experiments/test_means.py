import numpy as np
import pytest
from scipy import stats

from benchmarks.experiments.means import mean_interval


def test_the_interval_is_students() -> None:
    values = np.array([0.3, 0.5, 0.1, 0.35])
    found = mean_interval([*values, float("nan")], confidence=0.9)
    assert (found.value, found.n) == (pytest.approx(values.mean()), 4)
    expected = stats.t.interval(0.9, 3, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_one_value_or_none_does_not_tell_how_much_it_scatters() -> None:
    assert mean_interval([0.5])[0] == 0.5
    assert np.isnan(mean_interval([0.5])[1:3]).all()
    assert np.isnan(mean_interval([])[:3]).all() and mean_interval([]).n == 0
