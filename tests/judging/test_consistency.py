import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resamples import resampled
from scipy.stats import spearmanr

from selfscore.judging.consistency import (
    consistency_figures,
    discrimination_figure,
    sampled,
)


def readings(n: int = 400, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stated levels, what a judge of some skill reads, and a true score."""
    generator = np.random.default_rng(0)
    stated = generator.integers(0, 10, n)
    inferred = np.clip(stated + generator.normal(scale=noise, size=n), 0, 9)
    return inferred, stated, stated * 10 + generator.normal(scale=30, size=n)


def test_figures_are_what_independent_formulas_give() -> None:
    inferred, stated, true = readings()
    inferred[:40] = np.nan
    table = consistency_figures(inferred, stated, true, resampled()).set_index("metric")
    read, levels, scores = inferred[40:], stated[40:], true[40:]
    assert table.loc["judged", "value"] == pytest.approx(0.9)
    assert table.loc["judged", "n"] == 400 and table.loc["consistency", "n"] == 360
    for metric, value in {
        "consistency": spearmanr(read, levels).statistic,
        "inferred_srcc_true": spearmanr(read, scores).statistic,
        "consistency_mae": np.mean([abs(a - b) for a, b in zip(read, levels, strict=True)]),
        "consistency_within_1": sum(abs(read - levels) <= 1) / 360,
    }.items():
        row = table.loc[metric]
        assert row["value"] == pytest.approx(value)
        assert row["low"] < row["value"] < row["high"]


def test_the_texts_of_other_images_do_not_fit() -> None:
    table = consistency_figures(*readings(2000), resampled()).set_index("metric")
    assert table.loc["consistency", "value"] > 0.9
    # Four and a half standard errors.
    assert abs(table.loc["consistency_wrong_image", "value"]) < 0.1


def test_clusters_widen_the_intervals() -> None:
    inferred, stated, true = (np.repeat(column, 10) for column in readings(40))
    clusters = np.repeat(np.arange(40), 10)
    rows = consistency_figures(inferred, stated, true, resampled()).set_index("metric")
    whole = consistency_figures(inferred, stated, true, resampled(clusters=clusters)).set_index(
        "metric"
    )
    for metric in ("consistency", "consistency_mae", "inferred_srcc_true"):
        assert np.ptp(whole.loc[metric, ["low", "high"]].to_numpy(float)) > 2 * np.ptp(
            rows.loc[metric, ["low", "high"]].to_numpy(float)
        )


def test_a_judge_that_never_answers_has_no_figures() -> None:
    table = consistency_figures(
        np.full(5, np.nan), np.arange(5), np.arange(5), resampled()
    ).set_index("metric")
    assert table.loc["judged", "value"] == 0
    assert table.drop(index="judged")["value"].isna().all()


def test_discrimination_has_an_interval_over_images_or_groups() -> None:
    generator = np.random.default_rng(0)
    images = [f"image {row // 2}" for row in range(200)]
    levels = np.tile([2, 7], 100)
    inferred = levels + generator.normal(scale=5, size=200)
    right = sum(inferred[1::2] > inferred[::2]) / 100
    (row,) = discrimination_figure(images, inferred, levels, resampled()).to_dict("records")
    assert row["metric"] == "discrimination" and row["value"] == right and row["n"] == 100
    assert row["low"] < right < row["high"]
    # Each group holds ten images that are all told apart, or none of them: ten facts, not hundred.
    by_group = pd.Series({f"image {image}": str(image // 10) for image in range(100)})
    alike = np.where(np.arange(200) // 20 % 2, levels, levels[::-1])
    alone = discrimination_figure(images, alike, levels, resampled()).iloc[0]
    grouped = discrimination_figure(images, alike, levels, resampled(clusters=by_group)).iloc[0]
    assert grouped["value"] == alone["value"] == 0.5
    assert grouped["high"] - grouped["low"] > 2 * (alone["high"] - alone["low"])
    assert np.isnan(discrimination_figure(["a"], [1.0], [1.0], resampled()).iloc[0]["value"])


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 5))
def test_a_sample_is_whole_images_and_the_same_for_every_table(n, size, seed) -> None:
    ids = pd.Series([f"image {row % n}" for row in range(2 * n)])
    chosen = sampled(ids.tolist(), size, seed)
    assert ids[chosen].nunique() == min(size, n)
    assert chosen.sum() == 2 * min(size, n)
    shuffled = ids.sample(frac=1, random_state=0)
    assert set(shuffled[sampled(shuffled.tolist(), size, seed)]) == set(ids[chosen])


def test_samples_differ_by_seed_and_are_not_empty() -> None:
    ids = [str(row) for row in range(1000)]
    assert (sampled(ids, 100, 0) != sampled(ids, 100, 1)).any()
    with pytest.raises(ValueError, match="`sample_size` 0"):
        sampled(ids, 0, 0)
