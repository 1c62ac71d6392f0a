import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from selfscore.metrics.accuracy import share
from selfscore.metrics.intervals import bootstrap, clusters_of, resampled_totals
from selfscore.metrics.rank_correlation import srcc


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    return x, x + generator.normal(size=n)


def test_agrees_with_scipys_percentile_bootstrap() -> None:
    x, y = correlated(200)
    ours = bootstrap(srcc, x, y, n_resamples=4000, seed=1)
    theirs = stats.bootstrap(
        (x, y),
        lambda a, b, axis: srcc(a, b),
        paired=True,
        vectorized=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)
    assert ours.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert ours.n == 200


def test_interval_of_a_share_matches_the_binomial() -> None:
    flags = np.repeat([1.0, 0.0], [300, 100])
    interval = bootstrap(share, flags, n_resamples=4000)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval.low == pytest.approx(0.75 - half, abs=0.005)
    assert interval.high == pytest.approx(0.75 + half, abs=0.005)


def test_covers_the_truth_about_as_often_as_promised() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        interval = bootstrap(share, generator.random(100) < 0.6, n_resamples=300, seed=seed)
        covered += interval.low <= 0.6 <= interval.high
    assert 180 <= covered <= 199


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 60), st.integers(0, 1000))
def test_low_and_high_are_ordered_and_seeded(n: int, seed: int) -> None:
    x, y = correlated(n, seed)
    first = bootstrap(srcc, x, y, n_resamples=100, seed=seed)
    assert first.low <= first.high
    assert first == bootstrap(srcc, x, y, n_resamples=100, seed=seed)


def clustered(n_clusters: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Flags that mostly agree within a cluster, and the clusters."""
    generator = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), size)
    chance = generator.choice([0.1, 0.9], n_clusters)[clusters]
    return generator.random(len(clusters)) < chance, clusters


def test_dependent_rows_need_clusters_to_cover_the_truth() -> None:
    covered = {"rows": 0, "clusters": 0}
    for seed in range(100):
        flags, clusters = clustered(40, 10, seed)
        for name, labels in (("rows", None), ("clusters", clusters)):
            found = bootstrap(share, flags, clusters=labels, n_resamples=300, seed=seed)
            covered[name] += found.low <= 0.5 <= found.high
    assert covered["clusters"] >= 88
    assert covered["rows"] < 70


def test_clusters_of_one_row_are_rows_and_unequal_ones_are_drawn_whole() -> None:
    x, y = correlated(40)
    alone = bootstrap(srcc, x, y, clusters=np.arange(40), n_resamples=100)
    assert alone == bootstrap(srcc, x, y, n_resamples=100)
    # The flags of a cluster are equal, so each resample's share is a sum of whole clusters.
    flags = np.repeat([1.0, 0.0], [3, 1])
    labels = ["a", "a", "a", "b"]
    found = bootstrap(share, flags, clusters=labels, n_resamples=400, confidence=0.9)
    assert (found.low, found.high) == (0.0, 1.0)
    only = bootstrap(share, flags, clusters=["a"] * 4, n_resamples=100)
    assert only == bootstrap(share, flags, n_resamples=100)


def test_clusters_are_the_groups_where_there_are_any() -> None:
    groups = pd.Series(["a", "a", "b"])
    assert clusters_of(groups, "group") is groups
    assert clusters_of(groups, "image") is None
    assert clusters_of(pd.Series(["", "", ""]), "group") is None
    with pytest.raises(ValueError, match="Unknown `resampling_unit` 'scene'"):
        clusters_of(groups, "scene")


def test_another_seed_draws_other_rows() -> None:
    x, y = correlated(50)
    first, second = (bootstrap(srcc, x, y, n_resamples=100, seed=seed) for seed in (0, 1))
    assert first.value == second.value
    assert first.low != second.low


def test_undefined_statistics_are_nan() -> None:
    empty = bootstrap(srcc, [], [])
    assert np.isnan(empty.value) and empty.n == 0
    constant = bootstrap(srcc, [1, 1, 1], [1, 2, 3])
    assert np.isnan([constant.value, constant.low, constant.high]).all() and constant.n == 3


def test_undefined_resamples_are_left_out() -> None:
    # Of four rows a resample is often constant; the interval must come from the others.
    interval = bootstrap(srcc, [1, 1, 1, 2], [1, 1, 1, 3], n_resamples=200)
    assert interval.low == pytest.approx(1.0) and interval.high == pytest.approx(1.0)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        bootstrap(share, [1.0], n_resamples=0)
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        bootstrap(share, [1.0], confidence=95)
    with pytest.raises(ValueError, match="columns of equal length"):
        bootstrap(srcc, [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="2 rows needs 2 cluster labels"):
        bootstrap(share, [1.0, 0.0], clusters=["a"])


def test_totals_of_resamples_are_those_of_whole_clusters() -> None:
    x, y = correlated(60)
    labels = np.arange(60) // 7
    totals = resampled_totals(np.stack([x, y, np.ones(60)], 1), clusters=labels, seed=3)
    assert totals.shape == (1000, 3)
    # Eight clusters of seven and one of four.
    assert totals[:, 2].min() >= 36 and totals[:, 2].max() <= 63
    low, high = np.quantile(totals[:, 0] / totals[:, 2], [0.025, 0.975])
    found = bootstrap(lambda rows: rows.mean(axis=-1), x, clusters=labels, seed=3)
    assert (low, high) == pytest.approx((found.low, found.high))


def test_totals_of_independent_rows_match_the_bootstrap() -> None:
    x, _ = correlated(50)
    found = bootstrap(lambda rows: rows.mean(axis=-1), x, seed=5)
    for labels in (None, ["a"] * 50):
        means = resampled_totals(x[:, None], clusters=labels, seed=5)[:, 0] / 50
        assert np.quantile(means, [0.025, 0.975]) == pytest.approx((found.low, found.high))


def test_large_tables_are_resampled_in_parts() -> None:
    sizes = []

    def counted_mean(rows: np.ndarray) -> np.ndarray:
        sizes.append(rows.size)
        return rows.mean(axis=-1)

    x, _ = correlated(20_000)
    interval = bootstrap(counted_mean, x, n_resamples=250)
    assert interval.high - interval.low < 0.05
    assert max(sizes) <= 2_000_000 and sum(sizes) == 251 * 20_000
