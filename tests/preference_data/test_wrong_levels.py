from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.preference_data.wrong_levels import (
    Strategy,
    draw_wrong_levels,
    widest_radius,
    wrong_level_probabilities,
)


@given(
    true=st.lists(st.integers(0, 9), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1),
    radius=st.integers(0, 4),
    strategy=st.sampled_from(get_args(Strategy)),
    seed=st.integers(0, 100),
)
def test_wrong_levels_lie_outside_the_radius(true, radius, strategy, seed):
    levels = np.array(true)
    radius = min(radius, widest_radius(levels))
    wrong = draw_wrong_levels(levels, 10, radius, strategy, np.random.default_rng(seed))
    assert wrong.shape == levels.shape
    assert set(wrong) <= set(true)
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
        wrong_level_probabilities(np.array([4, 9]), 10, 5, "even")


@pytest.mark.parametrize(
    ("levels", "widest"), [(2, 0), (3, 0), (4, 1), (5, 1), (6, 2), (7, 2), (10, 4)]
)
def test_the_widest_radius_is_as_wide_as_it_can_be(levels, widest):
    true = np.arange(levels)
    assert widest_radius(true) == widest
    wrong_level_probabilities(true, levels, widest, "even")
    with pytest.raises(ValueError, match="leaves no wrong level"):
        wrong_level_probabilities(true, levels, widest + 1, "even")


def test_a_level_that_no_image_has_is_not_wrong_but_telling():
    true = np.repeat([0, 2, 9], 10)
    for strategy in get_args(Strategy):
        table = wrong_level_probabilities(true, 10, widest_radius(true), strategy)
        assert set(np.flatnonzero(table[[0, 2, 9]].sum(axis=0))) <= {0, 2, 9}


def test_one_level_has_no_wrong_one():
    with pytest.raises(ValueError, match="All training images have the level 4"):
        widest_radius(np.array([4, 4]))
