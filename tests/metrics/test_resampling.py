import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resamples import resampled
from scipy import stats

from selfscore.metrics import resampling
from selfscore.metrics.accuracy import share
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import IntervalSettings


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    return x, x + generator.normal(size=n)


def test_agrees_with_scipys_percentile_bootstrap() -> None:
    x, y = correlated(200)
    ours = resampled(n=4000, seed=1).interval(srcc, x, y)
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
    interval = resampled(n=4000).interval(share, flags)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval.low == pytest.approx(0.75 - half, abs=0.005)
    assert interval.high == pytest.approx(0.75 + half, abs=0.005)


def test_covers_the_truth_about_as_often_as_promised() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        interval = resampled(n=300, seed=seed).interval(share, generator.random(100) < 0.6)
        covered += interval.low <= 0.6 <= interval.high
    assert 180 <= covered <= 199


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 60), st.integers(0, 1000))
def test_low_and_high_are_ordered_and_seeded(n: int, seed: int) -> None:
    x, y = correlated(n, seed)
    first = resampled(n=100, seed=seed).interval(srcc, x, y)
    assert first.low <= first.high
    assert first == resampled(n=100, seed=seed).interval(srcc, x, y)


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
            found = resampled(clusters=labels, n=300, seed=seed).interval(share, flags)
            covered[name] += found.low <= 0.5 <= found.high
    assert covered["clusters"] >= 88
    assert covered["rows"] < 70


def test_clusters_of_one_row_are_rows_and_unequal_ones_are_drawn_whole() -> None:
    x, y = correlated(40)
    alone = resampled(clusters=np.arange(40), n=100).interval(srcc, x, y)
    assert alone == resampled(n=100).interval(srcc, x, y)
    # The flags of a cluster are equal, so each resample's share is a sum of whole clusters.
    flags = np.repeat([1.0, 0.0], [3, 1])
    labels = ["a", "a", "a", "b"]
    found = resampled(clusters=labels, n=400, confidence=0.9).interval(share, flags)
    assert (found.low, found.high) == (0.0, 1.0)
    only = resampled(clusters=["a"] * 4, n=100).interval(share, flags)
    assert only == resampled(n=100).interval(share, flags)


def test_groups_are_drawn_together_where_there_are_any() -> None:
    settings = IntervalSettings(resampling_unit="group", n_resamples=10, confidence=0.9)
    groups = pd.Series(["a", "a", "b"])
    drawn = settings.resampling(groups, 3)
    assert (drawn.n, drawn.confidence, drawn.seed) == (10, 0.9, 3)
    assert drawn.clusters is not None and drawn.clusters.equals(groups)
    assert settings.resampling(pd.Series(["", "", ""]), 3).clusters is None
    assert replace(settings, resampling_unit="image").resampling(groups, 3).clusters is None
    with pytest.raises(ValueError, match="'group' or 'image'"):
        replace(settings, resampling_unit="scene")


def test_another_seed_draws_other_rows() -> None:
    x, y = correlated(50)
    first, second = (resampled(n=100, seed=seed).interval(srcc, x, y) for seed in (0, 1))
    assert first.value == second.value
    assert first.low != second.low


def test_undefined_statistics_are_nan() -> None:
    empty = resampled().interval(srcc, [], [])
    assert np.isnan(empty.value) and empty.n == 0
    constant = resampled().interval(srcc, [1, 1, 1], [1, 2, 3])
    assert np.isnan([constant.value, constant.low, constant.high]).all() and constant.n == 3


def test_undefined_resamples_are_left_out() -> None:
    # Of four rows a resample is often constant; the interval must come from the others.
    interval = resampled(n=200).interval(srcc, [1, 1, 1, 2], [1, 1, 1, 3])
    assert interval.low == pytest.approx(1.0) and interval.high == pytest.approx(1.0)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 resample"):
        resampled(n=0).interval(share, [1.0])
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        resampled(confidence=95).interval(share, [1.0])
    with pytest.raises(ValueError, match="columns of equal length"):
        resampled().interval(srcc, [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="2 rows needs 2 cluster labels"):
        resampled(clusters=["a"]).interval(share, [1.0, 0.0])


def test_totals_of_resamples_are_those_of_whole_clusters() -> None:
    x, y = correlated(60)
    labels = np.arange(60) // 7
    totals = resampled(clusters=labels, seed=3).totals(np.stack([x, y, np.ones(60)], 1))
    assert totals.shape == (1000, 3)
    # Eight clusters of seven and one of four.
    assert totals[:, 2].min() >= 36 and totals[:, 2].max() <= 63
    low, high = np.quantile(totals[:, 0] / totals[:, 2], [0.025, 0.975])
    found = resampled(clusters=labels, seed=3).interval(lambda rows: rows.mean(axis=-1), x)
    assert (low, high) == pytest.approx((found.low, found.high))


def test_totals_of_independent_rows_match_the_bootstrap() -> None:
    x, _ = correlated(50)
    found = resampled(seed=5).interval(lambda rows: rows.mean(axis=-1), x)
    for labels in (None, ["a"] * 50):
        means = resampled(clusters=labels, seed=5).totals(x[:, None])[:, 0] / 50
        assert np.quantile(means, [0.025, 0.975]) == pytest.approx((found.low, found.high))


def test_large_tables_are_resampled_in_parts() -> None:
    sizes = []

    def counted_mean(rows: np.ndarray) -> np.ndarray:
        sizes.append(rows.size)
        return rows.mean(axis=-1)

    x, _ = correlated(20_000)
    interval = resampled(n=250).interval(counted_mean, x)
    assert interval.high - interval.low < 0.05
    assert max(sizes) <= 2_000_000 and sum(sizes) == 251 * 20_000


def test_many_clusters_are_drawn_in_parts_and_the_draws_stay_the_same(monkeypatch) -> None:
    x, _ = correlated(40)
    few = resampled(clusters=np.arange(40) // 3, n=200)
    whole = few.interval(lambda rows: rows.mean(axis=-1), x)
    monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", 100)
    assert few.interval(lambda rows: rows.mean(axis=-1), x) == whole
    monkeypatch.undo()

    x, _ = correlated(30_000)
    nearly_alone = np.minimum(np.arange(30_000), 29_000)
    tracemalloc.start()
    resampled(clusters=nearly_alone, n=1000).interval(lambda rows: rows.max(axis=-1), x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6  # All draws together would be 232 MB, and their sizes as much again.


def test_images_of_no_group_are_drawn_one_by_one() -> None:
    """Among images of scenes, those of none are no scene of their own."""
    settings = IntervalSettings(resampling_unit="group", n_resamples=500, confidence=0.95)
    x, y = correlated(60)
    scenes = pd.Series([f"scene {row // 2}" if row < 20 else "" for row in range(60)])
    draws = settings.resampling(scenes, seed=0)
    assert draws.drawn(60) == 10 + 40
    named = scenes.where(scenes != "", pd.Series([f"image {row}" for row in range(60)]))
    expected = settings.resampling(named, seed=0).interval(srcc, x, y)
    found = draws.interval(srcc, x, y)
    assert found.high - found.low == pytest.approx(expected.high - expected.low, abs=0.03)
    assert settings.resampling(pd.Series([""] * 60), seed=0).drawn(60) == 60
    by_image = IntervalSettings(resampling_unit="image", n_resamples=5, confidence=0.95)
    assert by_image.resampling(scenes, seed=0).drawn(60) == 60
