"""Ridge on image features: what it is compared with, and that the test images teach it nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resamples import resampled
from sklearn.linear_model import Ridge

from selfscore.metrics.ridge import cross_fitted_scores, predict_scores, ridge_metrics


def test_it_is_scikit_learns_ridge_on_standardized_features() -> None:
    random = np.random.default_rng(0)
    features, others = random.normal(size=(60, 4)) * [1, 10, 100, 1e-3], random.normal(size=(9, 4))
    scores = features[:, 1] + random.normal(size=60)
    found = predict_scores(features, scores, others)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    candidates = [
        Ridge(alpha).fit((features - mean) / spread, scores).predict((others - mean) / spread)
        for alpha in np.logspace(-3, 5, 17)
    ]
    assert min(np.abs(found - one).max() for one in candidates) < 1e-9


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
