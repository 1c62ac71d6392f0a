import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resamples import resampled
from sklearn.calibration import calibration_curve

from selfscore.metrics.calibration import (
    calibration_metrics,
    ranked_probability_score,
    reliability_curves,
)


def forecasts(n: int, seed: int = 0, sharpen: float = 1.0, levels: int = 10) -> pd.DataFrame:
    """Levels drawn from distributions; those reported are sharpened (1: reported as they are)."""
    generator = np.random.default_rng(seed)
    true = generator.dirichlet(np.full(levels, 0.5), n)
    level = (true.cumsum(axis=1) < generator.random((n, 1))).sum(axis=1)
    reported = true**sharpen
    reported /= reported.sum(axis=1, keepdims=True)
    return pd.DataFrame({"probabilities": list(reported), "level": level})


def values(table: pd.DataFrame) -> dict[str, float]:
    found = calibration_metrics(table, 10, resampled(50))
    return dict(zip(found["metric"], found["value"], strict=True))


def top_level(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    probabilities = np.stack(table["probabilities"])
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == table["level"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_calibrated_forecaster_has_a_small_error_and_an_overconfident_one_a_large(
    seed: int,
) -> None:
    calibrated, overconfident = values(forecasts(5000, seed)), values(forecasts(5000, seed, 4.0))
    for metric in ("ece", "ece_cumulative"):
        assert calibrated[metric] < 0.035
        assert overconfident[metric] > 0.05
    # A proper score is best for what one believes.
    assert calibrated["rps"] < overconfident["rps"]


def test_certain_and_right_is_zero_and_certain_and_wrong_is_one() -> None:
    sure = pd.DataFrame({"probabilities": [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], "level": [2, 0]})
    assert values(sure) == {"ece": 0.0, "ece_cumulative": 0.0, "rps": 0.0}
    wrong = sure.assign(level=[0, 2])
    assert values(wrong)["ece"] == 1.0
    assert values(wrong)["rps"] == 1.0


def test_error_by_hand() -> None:
    # One bin of .6 (three images, one right), one of .9 (one image, right).
    likely = [[0.6, 0.4]] * 3 + [[0.9, 0.1]]
    table = pd.DataFrame({"probabilities": likely, "level": [0, 1, 1, 0]})
    assert values(table)["ece"] == pytest.approx(0.75 * (0.6 - 1 / 3) + 0.25 * 0.1)


@pytest.mark.parametrize("statement", ["top_level", "at_most_0", "at_most_7"])
def test_curves_are_those_of_sklearn(statement: str) -> None:
    table = forecasts(400)
    confidence, right = top_level(table)
    if statement != "top_level":
        k = int(statement[-1])
        confidence = np.stack(table["probabilities"]).cumsum(axis=1)[:, k]
        right = (table["level"] <= k).to_numpy()
    frequency, predicted = calibration_curve(right, confidence, n_bins=10)
    curves = reliability_curves(table, 10, resampled(50))
    found = curves[curves["statement"] == statement]
    np.testing.assert_allclose(found["frequency"], frequency)
    np.testing.assert_allclose(found["confidence"], predicted)
    assert found["n"].sum() == 400
    assert (found["low"] <= found["frequency"]).all()
    assert (found["frequency"] <= found["high"]).all()


def test_errors_are_the_mean_gap_of_their_curves() -> None:
    table = forecasts(300, sharpen=2.0)
    curves = reliability_curves(table, 10, resampled(50))
    for metric, statement in (("ece", "top_level"), ("ece_cumulative", "cumulative")):
        curve = curves[curves["statement"] == statement]
        gap = np.average(abs(curve["confidence"] - curve["frequency"]), weights=curve["n"])
        assert values(table)[metric] == pytest.approx(gap)
    parts = curves[curves["statement"].str.startswith("at_most_")]
    assert parts["statement"].nunique() == 9
    assert parts["n"].sum() == curves[curves["statement"] == "cumulative"]["n"].sum() == 9 * 300


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 80), st.integers(0, 1000), st.sampled_from([0.5, 1.0, 3.0]))
def test_intervals_hold_the_value_within_bounds(n: int, seed: int, sharpen: float) -> None:
    found = calibration_metrics(forecasts(n, seed, sharpen), 10, resampled(100, seed=seed))
    slack = 1e-12
    assert (found["low"] <= found["value"] + slack).all()
    assert (found["value"] <= found["high"] + slack).all()
    assert found[["value", "low", "high"]].stack().between(0, 1 + slack).all()
    assert (found["n"] == n).all()


def test_the_interval_of_a_calibration_error_covers_what_many_images_show() -> None:
    truth = values(forecasts(100_000, 99, 3.0))["ece"]
    covered = 0
    for seed in range(100):
        ece = calibration_metrics(forecasts(400, seed, 3.0), 10, resampled(200)).iloc[0]
        covered += ece["low"] <= truth <= ece["high"]
    assert covered >= 85


def test_images_of_one_scene_are_drawn_together() -> None:
    table = pd.concat([forecasts(40, sharpen=3.0)] * 10, ignore_index=True)
    scenes = pd.Series(np.tile(np.arange(40), 10))
    alone, together = (
        calibration_metrics(table, 10, resampled(clusters=labels)).set_index("metric")
        for labels in (None, scenes)
    )
    width = [float(found["high"]["rps"] - found["low"]["rps"]) for found in (alone, together)]
    assert width[1] > 2 * width[0]
    pd.testing.assert_series_equal(alone["value"], together["value"])
    curves = [
        reliability_curves(table, 10, resampled(clusters=labels)) for labels in (None, scenes)
    ]
    widths = [curve["high"] - curve["low"] for curve in curves]
    assert widths[1].mean() > 2 * widths[0].mean()


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(30)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    table = forecasts(30)
    assert values(table) == pytest.approx(values(table.iloc[order]))


@given(st.integers(2, 10), st.integers(0, 1000))
def test_ranked_probability_score_by_its_definition(levels: int, seed: int) -> None:
    table = forecasts(20, seed, levels=levels)
    expected = [
        sum((sum(row[: k + 1]) - (level <= k)) ** 2 for k in range(levels - 1)) / (levels - 1)
        for row, level in zip(table["probabilities"], table["level"], strict=True)
    ]
    found = ranked_probability_score(np.stack(table["probabilities"]), table["level"])
    np.testing.assert_allclose(found, expected)


def test_nothing_and_another_scale() -> None:
    empty = pd.DataFrame({"probabilities": [], "level": []})
    assert calibration_metrics(empty, 10, resampled())["value"].isna().all()
    assert reliability_curves(empty, 10, resampled()).empty
    with pytest.raises(ValueError, match="true levels go from 0 to 4"):
        values(pd.DataFrame({"probabilities": [[0.5, 0.5]] * 2, "level": [0, 4]}))
