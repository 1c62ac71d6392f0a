from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.preference_data.wrong_levels import (
    Strategy,
    draw_wrong_levels,
    wrong_level_probabilities,
)


@given(
    true=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    radius=st.integers(0, 4),
    strategy=st.sampled_from(get_args(Strategy)),
    seed=st.integers(0, 100),
)
def test_wrong_levels_lie_outside_the_radius(true, radius, strategy, seed):
    levels = np.array(true)
    wrong = draw_wrong_levels(levels, 10, radius, strategy, np.random.default_rng(seed))
    assert wrong.shape == levels.shape
    assert ((wrong >= 0) & (wrong < 10)).all()
    assert (np.abs(wrong - levels) > radius).all()


@pytest.mark.parametrize("radius", [0, 1, 2, 3])
def test_even_makes_both_directions_of_a_pair_equally_likely(radius):
    true = np.repeat(np.arange(10), 60)
    table = wrong_level_probabilities(true, 10, radius, "even")
    joint = table / 10
    np.testing.assert_allclose(joint, joint.T, atol=1e-6)
    np.testing.assert_allclose(joint.sum(axis=0), 0.1, atol=1e-6)


def test_uniform_does_not():
    joint = wrong_level_probabilities(np.repeat(np.arange(10), 60), 10, 3, "uniform") / 10
    assert np.abs(joint - joint.T).max() > 1e-3


def test_marginal_follows_the_true_levels():
    true = np.array([0] * 70 + [5] * 20 + [9] * 10)
    table = wrong_level_probabilities(true, 10, 1, "marginal")
    np.testing.assert_allclose(table[0, [5, 9]], [2 / 3, 1 / 3])


def test_a_radius_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="leaves no wrong level for level 4"):
        wrong_level_probabilities(np.array([4]), 10, 5, "even")
