"""The reward of GRPO's answers, against the formula written out one answer at a time."""

import math

import numpy as np
import pytest

from benchmarks.experiments.competitors.grpo import rewards
from benchmarks.experiments.competitors.rank_reward import ROUNDING, rank_rewards


def by_hand(levels: np.ndarray, position: np.ndarray) -> np.ndarray:
    found = np.zeros_like(levels)
    means, variances = [], []
    for row in levels:
        read = [level for level in row if not math.isnan(level)]
        mean = sum(read) / len(read)
        means.append(mean)
        variances.append(sum((level - mean) ** 2 for level in read) / len(read) + ROUNDING)
    for i, row in enumerate(levels):
        for k, level in enumerate(row):
            if math.isnan(level):
                continue
            shares = []
            for j in range(len(levels)):
                if j == i:
                    continue
                z = (level - means[j]) / math.sqrt(variances[i] + variances[j])
                p = 0.5 * (1 + math.erf(z / math.sqrt(2)))
                true = 0.5 + 0.5 * np.sign(position[i] - position[j])
                shares.append(math.sqrt(p * true) + math.sqrt((1 - p) * (1 - true)))
            found[i, k] = sum(shares) / len(shares) + 1
    return found


def test_the_reward_is_the_formula() -> None:
    random = np.random.default_rng(0)
    levels = random.integers(0, 10, (5, 6)).astype(float)
    levels[2, 3] = np.nan
    position = np.array([0.5, 3.0, 3.0, 7.2, 9.0])
    assert rank_rewards(levels, position) == pytest.approx(by_hand(levels, position))


def test_answers_that_agree_are_no_division_by_zero() -> None:
    levels = np.repeat([[2.0], [7.0]], 6, axis=1)
    right, wrong = (rank_rewards(levels, np.array(true)) for true in ([1.0, 8.0], [8.0, 1.0]))
    assert np.isfinite(right).all() and (right > 1.99).all() and (wrong < 1.01).all()
    equal = rank_rewards(np.full((2, 6), 4.0), np.array([1.0, 8.0]))
    assert equal == pytest.approx(1 + math.sqrt(0.5))


def test_an_answer_that_cannot_be_read_has_nothing_and_changes_no_other() -> None:
    position = np.array([1.0, 5.0, 9.0])
    levels = np.array([[1.0, 2.0], [5.0, 4.0], [8.0, 9.0]])
    silent = np.vstack([levels, [[np.nan, np.nan]]])
    found = rank_rewards(silent, np.array([*position, 3.0]))
    assert (found[3] == 0).all()
    assert found[:3] == pytest.approx(rank_rewards(levels, position))


def test_without_another_image_only_the_format_counts() -> None:
    assert rank_rewards(np.array([[3.0, np.nan]]), np.array([1.0])).tolist() == [[1.0, 0.0]]


def test_answers_are_rewarded_by_what_they_state_of_their_image() -> None:
    texts = [f"#Score: {level}\n#Explanation: It is so." for level in (1, 2, 8, 8)]
    texts[3] = "It is 8."
    given = rewards(texts, ["a", "a", "b", "b"], [1.0, 1.0, 9.0, 9.0], levels=10)
    expected = rank_rewards(np.array([[1.0, 2.0], [8.0, np.nan]]), np.array([1.0, 9.0]))
    assert given == pytest.approx(expected.ravel().tolist())
    assert given[3] == 0.0
