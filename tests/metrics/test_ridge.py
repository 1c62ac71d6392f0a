"""Ridge on image features: what it computes, and that the test images teach it nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from resamples import resampled

from selfscore.metrics.ridge import cross_fitted_scores, predict_scores, ridge_metrics

Array = NDArray[np.float64]


def kernel(some: Array, others: Array) -> Array:
    distances = ((some[:, None] - others[None]) ** 2).sum(axis=-1)
    return np.exp(-distances / (4 * some.shape[1]))


def test_it_is_a_kernel_ridge_regression_on_standardized_features() -> None:
    random = np.random.default_rng(0)
    features, others = random.normal(size=(60, 4)) * [1, 10, 100, 1e-3], random.normal(size=(9, 4))
    scores = features[:, 1] ** 2 + random.normal(size=60)
    found = predict_scores(features, scores, others)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    known, asked = (features - mean) / spread, (others - mean) / spread
    # What leaves a constant free takes the mean away from both sides of the kernel.
    centre = np.eye(60) - 1 / 60
    within = centre @ kernel(known, known) @ centre
    between = (kernel(asked, known) - kernel(known, known).mean(axis=0)) @ centre
    candidates = [
        scores.mean()
        + between @ np.linalg.solve(within + alpha * np.eye(60), scores - scores.mean())
        for alpha in np.logspace(-3, 3, 25)
    ]
    assert min(np.abs(found - one).max() for one in candidates) < 1e-6


def test_a_part_of_many_images_speaks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features, others = random.normal(size=(400, 5)), random.normal(size=(50, 5))
    scores = features[:, 0] + np.abs(features[:, 1])
    of_all = predict_scores(features, scores, others)
    monkeypatch.setattr("selfscore.metrics.ridge._LANDMARKS", 100)
    of_a_part = predict_scores(features, scores, others)
    assert not np.array_equal(of_all, of_a_part)
    assert np.corrcoef(of_all, of_a_part)[0, 1] > 0.95


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scores", [[3.0, 3.0], [1.0, 2.0]])
def test_two_images_are_enough(scores: list[float]) -> None:
    found = predict_scores(np.ones((2, 3)), scores, np.ones((1, 3)))
    assert found == pytest.approx([np.mean(scores)])


def test_figures_are_named_as_a_policys() -> None:
    images = pd.DataFrame({"score": [1.0, 2.0, 3.0, 4.0], "level": [0, 1, 2, 3]})
    table = ridge_metrics(np.array([1.4, 2.0, 3.0, 9.0]), images, [1, 2, 3, 4], resampled(20))
    found = table.set_index("metric")["value"]
    assert found["srcc"] == pytest.approx(1.0) and found["mae"] == pytest.approx((0.4 + 5) / 4)
    # Nearer to level 0 than to 1, and far above the last level, which is the nearest to it.
    assert found["exact"] == 1.0 and found["within_1"] == 1.0
    assert (table["n"] == 4).all()


def test_an_image_is_scored_by_what_was_fitted_on_the_other_groups() -> None:
    random = np.random.default_rng(0)
    features, groups = random.normal(size=(40, 3)), np.repeat(list("abcd"), 10)
    scores = features @ [1.0, 2.0, 0.0] + random.normal(size=40)
    found = cross_fitted_scores(features, scores, groups)
    for group in "abcd":
        own = groups == group
        np.testing.assert_allclose(
            found[own], predict_scores(features[~own], scores[~own], features[own])
        )


@given(group=st.integers(0, 29), by=st.floats(-100, 100))
@settings(deadline=None, max_examples=20)
def test_its_own_score_and_its_groups_change_nothing(group: int, by: float) -> None:
    random = np.random.default_rng(1)
    features, groups = random.normal(size=(60, 3)), np.arange(60) // 2
    scores = features[:, 0] + random.normal(size=60)
    moved = cross_fitted_scores(features, scores + by * (groups == group), groups)
    np.testing.assert_array_equal(
        moved[groups == group], cross_fitted_scores(features, scores, groups)[groups == group]
    )
