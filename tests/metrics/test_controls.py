import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resamples import resampled
from scipy import stats

from selfscore.metrics.accuracy import exact, mean_absolute_error, root_mean_squared_error, within
from selfscore.metrics.calibration import ranked_probability_score
from selfscore.metrics.controls import ceiling_metrics, prior_metrics


def images(n: int, seed: int = 0, levels: int = 10) -> pd.DataFrame:
    score = np.random.default_rng(seed).gamma(4.0, 1.2, n)
    edges = stats.gamma(4.0, scale=1.2).ppf(np.arange(1, levels) / levels)
    return pd.DataFrame({"score": score, "level": np.searchsorted(edges, score)})


def level_scores(table: pd.DataFrame) -> np.ndarray:
    return table.groupby("level")["score"].mean().to_numpy()


def test_no_constant_is_better_on_the_training_images() -> None:
    training = images(300).query("level != 3")
    found = prior_metrics(training, training, 10, resampled(20)).set_index("metric")["value"]
    score, level = training["score"].to_numpy(), training["level"].to_numpy()
    constants = np.linspace(0, 15, 200)
    assert found["mae"] <= min(mean_absolute_error([c] * len(score), score) for c in constants)
    assert found["rmse"] <= min(root_mean_squared_error([c] * len(score), score) for c in constants)
    assert found["within_1"] == max(within([c] * len(level), level) for c in range(10))
    assert found["exact"] == max(exact([c] * len(level), level) for c in range(10))
    marginal = np.bincount(level, minlength=10) / len(level)
    for other in (np.full(10, 0.1), np.roll(marginal, 1)):
        assert found["rps"] < ranked_probability_score(other, level).mean()
    assert (found[["srcc", "plcc", "kendall"]] == 0).all()


def test_the_prior_is_learnt_from_training_images_alone() -> None:
    training = pd.DataFrame({"score": [2.0, 2.0, 5.0], "level": [1, 1, 4]})
    evaluated = pd.DataFrame({"score": [5.0, 5.0, 5.0, 2.0], "level": [4, 4, 4, 1]})
    found = prior_metrics(evaluated, training, 5, resampled(20)).set_index("metric")
    assert found["value"]["mae"] == pytest.approx(9 / 4)
    assert found["value"]["exact"] == found["value"]["within_1"] == 0.25
    assert (found["n"] == 4).all()
    with pytest.raises(ValueError, match="training images: there are none"):
        prior_metrics(evaluated, training.iloc[:0], 5, resampled())


def test_the_ceiling_is_what_a_policy_that_writes_true_levels_gets() -> None:
    table = images(2000)
    scores = level_scores(table)
    found = ceiling_metrics(table, scores, resampled(20)).set_index("metric")["value"]
    assert found["srcc"] == pytest.approx(stats.spearmanr(table["level"], table["score"]).statistic)
    assert found["kendall"] == pytest.approx(
        stats.kendalltau(table["level"], table["score"]).statistic
    )
    assert found["mae"] == pytest.approx(abs(scores[table["level"]] - table["score"]).mean())
    # Ten levels of equal frequency lose next to nothing of the order.
    assert 0.99 < found["srcc"] < 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 10), st.integers(0, 1000))
def test_the_prior_lies_below_the_ceiling(levels: int, seed: int) -> None:
    table = images(200, seed, levels)
    prior = prior_metrics(table, table, levels, resampled(20)).set_index("metric")
    ceiling = ceiling_metrics(table, level_scores(table), resampled(20)).set_index("metric")
    for metric in ("srcc", "plcc", "kendall"):
        assert prior["value"][metric] < ceiling["value"][metric]
    for metric in ("mae", "rmse"):
        assert prior["value"][metric] > ceiling["value"][metric]


def test_values_lie_in_their_intervals() -> None:
    table = images(200)
    for found in (
        prior_metrics(table, table, 10, resampled()),
        ceiling_metrics(table, level_scores(table), resampled()),
    ):
        assert (found["low"] <= found["value"] + 1e-9).all()
        assert (found["value"] <= found["high"] + 1e-9).all()


def test_images_of_one_scene_are_drawn_together() -> None:
    table = images(200).sort_values("score", ignore_index=True)
    scenes = pd.Series(np.arange(200) // 20)
    for control, other in ((prior_metrics, (table, 10)), (ceiling_metrics, (level_scores(table),))):
        width = {}
        for name, labels in (("alone", None), ("together", scenes)):
            found = (
                control(table, *other, resampled(clusters=labels)).set_index("metric").loc["mae"]
            )
            width[name] = found["high"] - found["low"]
        assert width["together"] > width["alone"]
