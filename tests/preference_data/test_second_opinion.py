"""A ridge regression counts for more the better it is, and for nothing where it knows nothing."""

import numpy as np
import pandas as pd
import pytest

from selfscore.metrics.ridge import cross_fitted_scores
from selfscore.preference_data.second_opinion import (
    NO_OPINION,
    cross_fitted_opinions,
    second_opinion,
)

VALUES = [0.0, 1.0, 2.0, 3.0]


def images(count=40, noise=0.5):
    """Images of a score that one feature tells, in groups of two."""
    random = np.random.default_rng(0)
    feature = random.uniform(0, 3, count)
    score = np.clip(feature + noise * random.normal(size=count), 0, 3)
    paths = [f"{n}.png" for n in range(count)]
    features = {
        path: np.array([value, other])
        for path, value, other in zip(paths, feature, random.normal(size=count), strict=True)
    }
    table = pd.DataFrame({"path": paths, "score": score, "group": np.arange(count) // 2})
    return table, features


def ridge_opinion(table, features, values, weight):
    """From images and features to what is held of them."""
    return second_opinion(table, cross_fitted_opinions(table, features), values, weight)


def test_its_share_is_the_weight_times_the_correlation_with_scores_it_has_not_seen():
    table, features = images()
    opinion = ridge_opinion(table, features, VALUES, 0.6)
    expected = cross_fitted_scores(
        np.stack([features[path] for path in table["path"]]), table["score"], table["group"]
    )
    # The scale is one to one here, but ends at its last levels.
    held = np.array([opinion.positions[path] for path in table["path"]])
    np.testing.assert_allclose(held, expected.clip(0, 3), atol=1e-12)
    assert opinion.share == pytest.approx(0.6 * np.corrcoef(held, table["score"])[0, 1])
    assert opinion.share > 0.3


def test_the_noisier_the_scores_the_less_it_counts():
    shares = [ridge_opinion(*images(noise=noise), VALUES, 1.0).share for noise in (0.1, 1.0, 3.0)]
    assert 1 > shares[0] > shares[1] > shares[2]


def test_images_without_stored_features_have_none_and_teach_none():
    table, features = images()
    stored = dict(list(features.items())[:20])
    opinion = ridge_opinion(table, stored, VALUES, 0.6)
    assert set(opinion.positions) == set(stored)
    assert opinion == ridge_opinion(table.head(20), features, VALUES, 0.6)


@pytest.mark.parametrize("weight", [0.0, 0.6])
def test_where_nothing_can_be_told_there_is_none(weight):
    table, features = images()
    assert ridge_opinion(table, {}, VALUES, weight) is NO_OPINION
    assert ridge_opinion(table.assign(group="all"), features, VALUES, weight) is NO_OPINION
    assert ridge_opinion(table.assign(score=2.0), features, VALUES, weight) is NO_OPINION
    assert ridge_opinion(table.head(4), features, VALUES, weight) is NO_OPINION
    assert ridge_opinion(table.head(0), features, VALUES, weight) is NO_OPINION


@pytest.mark.filterwarnings("error")
def test_three_images_are_enough():
    table, features = images(3)
    table["group"] = table["path"]
    assert 0 <= ridge_opinion(table, features, VALUES, 0.6).share <= 0.6


def test_one_that_is_worse_than_none_counts_for_nothing():
    """Each group has scores that the others do not let one expect."""
    feature = np.arange(3.0).repeat(10)
    table = pd.DataFrame(
        {"path": [f"{n}.png" for n in range(30)], "score": feature % 2, "group": feature}
    )
    features = {path: np.array([value]) for path, value in zip(table["path"], feature, strict=True)}
    assert ridge_opinion(table, features, VALUES, 1.0) is NO_OPINION


def test_without_weight_there_is_none():
    assert ridge_opinion(*images(), VALUES, 0.0) is NO_OPINION
