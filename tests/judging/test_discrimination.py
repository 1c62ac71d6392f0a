import numpy as np

from selfscore.judging.discrimination import counterfactual_discrimination


def test_right_wrong_and_tied_readings() -> None:
    assert counterfactual_discrimination([8, 2], [1, 5], [9, 0], [0, 9]) == 1.0
    assert counterfactual_discrimination([1, 5], [8, 2], [9, 0], [0, 9]) == 0.0
    assert counterfactual_discrimination([4, 8], [4, 1], [9, 9], [0, 0]) == 0.75


def test_equal_levels_are_left_out() -> None:
    assert counterfactual_discrimination([8, 1], [1, 8], [9, 5], [0, 5]) == 1.0
    assert np.isnan(counterfactual_discrimination([8], [1], [5], [5]))


def test_a_judge_that_guesses_is_at_chance() -> None:
    generator = np.random.default_rng(0)
    readings = generator.normal(size=(2, 4000))
    share = counterfactual_discrimination(
        readings[0], readings[1], np.full(4000, 9), np.zeros(4000)
    )
    assert abs(share - 0.5) < 0.03
