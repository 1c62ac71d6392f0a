"""Soft levels say exactly the score they are made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from selfscore.preference_data.soft_levels import soft_levels
from selfscore.scored_images.score_scale import positions

SPREADS = st.one_of(st.just(float("nan")), st.floats(0, 20))


@given(data=st.data(), levels=st.integers(2, 101), spread=SPREADS)
def test_they_add_up_to_one_and_their_mean_is_the_position(data, levels, spread):
    position = data.draw(st.floats(0, levels - 1))
    [target] = soft_levels(np.array([position]), np.array([spread]), levels)
    assert (target >= 0).all()
    assert target.sum() == pytest.approx(1, abs=1e-12)
    assert target @ np.arange(levels) == pytest.approx(position, abs=1e-9)


def test_without_a_spread_two_neighbours_share_the_probability():
    found = soft_levels(np.array([2.25, 4.0]), np.array([np.nan, 0.0]), 6)
    np.testing.assert_array_equal(found, [[0, 0, 0.75, 0.25, 0, 0], [0, 0, 0, 0, 1, 0]])


def test_a_small_spread_comes_to_the_same():
    position = np.linspace(0, 9, 91)
    none = soft_levels(position, np.zeros(91), 10)
    np.testing.assert_allclose(soft_levels(position, np.full(91, 0.16), 10), none, atol=1e-8)


def test_far_from_the_ends_they_are_a_normal_distribution():
    [found] = soft_levels(np.array([9.7]), np.array([1.3]), 21)
    density = norm.pdf(np.arange(21), loc=9.7, scale=1.3)
    np.testing.assert_allclose(found, density / density.sum(), atol=1e-6)
    assert np.sqrt(found @ (np.arange(21) - 9.7) ** 2) == pytest.approx(1.3, abs=1e-4)


@given(
    values=st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True).map(sorted),
    share=st.floats(0, 1),
)
def test_the_levels_values_give_the_score_back(values, share):
    score = values[0] + share * (values[-1] - values[0])
    position = positions(np.array([score]), values)
    [target] = soft_levels(position, np.zeros(1), len(values))
    assert target @ np.array(values) == pytest.approx(score, abs=1e-9)


def test_scores_beyond_the_levels_lie_on_the_last():
    assert positions(np.array([-3.0, 99.0]), [1.0, 2.0, 5.0]).tolist() == [0, 2]
