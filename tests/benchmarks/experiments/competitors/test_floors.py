import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmarks.experiments.competitors.floors import by_chance, kernel_ridge, monotone
from benchmarks.experiments.competitors.levels_alone import hardened


@pytest.mark.parametrize("direction", [1, -1])
def test_a_map_rises_or_falls_as_the_scores_do(direction: int) -> None:
    expected = np.linspace(0, 9, 40)
    scores = direction * expected**2 + np.random.default_rng(0).normal(size=40)
    found = monotone(expected, scores, [-1.0, 2.0, 5.0, 30.0])
    assert (direction * np.diff(found) >= 0).all()
    # Beyond what it was fitted on, the nearest.
    ends = monotone(expected, scores, expected[[0, -1]])
    assert found[[0, -1]].tolist() == ends.tolist()


def test_a_kernel_ridge_regression_is_solved_exactly() -> None:
    random = np.random.default_rng(0)
    features, others = random.normal(size=(60, 4)) * [1, 10, 100, 1e-3], random.normal(size=(9, 4))
    scores = features[:, 1] ** 2 + random.normal(size=60)
    found = kernel_ridge(features, scores, others)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    known, asked = (features - mean) / spread, (others - mean) / spread

    def alike(some: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(-((some[:, None] - known[None]) ** 2).sum(axis=-1) / (4 * 4))

    # What leaves a constant free takes the mean away from both sides of the kernel.
    centre = np.eye(60) - 1 / 60
    within, between = alike(known), alike(asked)
    candidates = [
        scores.mean()
        + (between - within.mean(axis=0))
        @ centre
        @ np.linalg.solve(centre @ within @ centre + alpha * np.eye(60), scores - scores.mean())
        for alpha in np.logspace(-3, 3, 25)
    ]
    assert min(np.abs(found - one).max() for one in candidates) < 1e-6


def test_hard_levels_have_all_probability_on_the_images_own() -> None:
    soft = pd.DataFrame(
        {"level": [0, 2], "position": [0.3, 1.6], "spread": [0.5, np.nan], "target": [None, None]}
    )
    hard = hardened(soft, 3)
    assert np.stack(hard["target"].tolist()).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert hard["position"].tolist() == [0.0, 2.0]
    assert hard["spread"].isna().all()


def test_chance_is_wide_where_images_differ_in_one_thing() -> None:
    draws = np.random.default_rng(0)
    quality = draws.normal(size=160)
    features = quality[:, None] + 0.1 * draws.normal(size=(160, 5))
    asked = pd.DataFrame({"split": ["test", "locked"] * 40, "score": quality[80:]})
    found = by_chance(features[:80], quality[:80], features[80:], asked, 20, 1)
    assert found["split"].tolist() == ["test", "locked"]
    assert found["n"].tolist() == [40, 40]
    assert (found["low"] < -0.4).all()
    assert (found["high"] > 0.4).all()
    assert (found["value"].abs() < 0.6).all()
