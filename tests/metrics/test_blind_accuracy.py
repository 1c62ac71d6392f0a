import numpy as np
import pytest

from selfscore.metrics.blind_accuracy import blind_preference_accuracy


def pairs(
    n: int, seed: int, shares: np.ndarray | None = None, radius: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """True levels by `shares`, wrong levels evenly outside the radius."""
    generator = np.random.default_rng(seed)
    true = generator.choice(10, size=n, p=shares)
    wrong = [generator.choice([x for x in range(10) if abs(x - level) > radius]) for level in true]
    return true, np.array(wrong)


def test_balanced_levels_tell_nothing() -> None:
    # Counted on its own pairs the best rule would look like 0.63 here.
    accuracy = blind_preference_accuracy(*pairs(600, 0))
    assert accuracy.low < 0.55 and accuracy.value == pytest.approx(0.5, abs=0.06)
    assert accuracy.n == 600


def test_peaked_levels_give_the_answer_away() -> None:
    # Whole scores of 1-10 as in AVA: 83 % are 5 or 6.
    shares = np.array([0.005, 0.01, 0.02, 0.095, 0.43, 0.40, 0.03, 0.005, 0.003, 0.002])
    accuracy = blind_preference_accuracy(*pairs(4000, 0, shares))
    best = max_blind_accuracy(shares)
    assert best > 0.9
    assert accuracy.value == pytest.approx(best, abs=0.015)


def max_blind_accuracy(shares: np.ndarray, radius: int = 1) -> float:
    """The best rule's accuracy from the true probabilities of every ordered pair."""
    joint = np.zeros((10, 10))
    for level in range(10):
        wrong = [x for x in range(10) if abs(x - level) > radius]
        joint[level, wrong] = shares[level] / len(wrong)
    return float(np.triu(np.maximum(joint, joint.T)).sum())


def test_always_the_higher_level_is_found_out() -> None:
    chosen = np.arange(200) % 5 + 5
    assert blind_preference_accuracy(chosen, chosen - 5).value == 1.0


def test_pairs_of_one_image_stay_together() -> None:
    # Each image has a pair of levels of its own: nothing can be learnt from the other images.
    chosen = np.repeat(np.arange(20), 10)
    images = [f"image {level}" for level in chosen]
    assert blind_preference_accuracy(chosen, chosen + 50, images).value == 0.5
    assert blind_preference_accuracy(chosen, chosen + 50).value == 1.0


def test_seeded() -> None:
    data = pairs(100, 1)
    first = blind_preference_accuracy(*data, seed=3)
    assert first == blind_preference_accuracy(*data, seed=3)
    assert first != blind_preference_accuracy(*data, seed=4)


def test_too_few_images_give_nan() -> None:
    assert np.isnan(blind_preference_accuracy([], []).value)
    assert np.isnan(blind_preference_accuracy([1, 2], [3, 4], ["a", "a"]).value)


def test_bad_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 pairs have the same level"):
        blind_preference_accuracy([1, 2], [1, 3])
    with pytest.raises(ValueError, match="equal length"):
        blind_preference_accuracy([1, 2], [1])
