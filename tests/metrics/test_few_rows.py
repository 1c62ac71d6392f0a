"""Every metric over tables of no, one and two rows, of ties, constants and huge numbers: a figure
or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import stage_settings
from hypothesis import given
from hypothesis import strategies as st

from selfscore.judging.agreement import agreement
from selfscore.judging.consistency import consistency_figures, discrimination_figure
from selfscore.judging.discrimination import told_apart
from selfscore.metrics.accuracy import (
    exact,
    level_entropy,
    mean_absolute_error,
    root_mean_squared_error,
    within,
)
from selfscore.metrics.blind_accuracy import blind_preference_accuracy
from selfscore.metrics.calibration import calibration_metrics, reliability_curves
from selfscore.metrics.catalog import METRICS
from selfscore.metrics.controls import ceiling_metrics, prior_metrics, shuffled_metrics
from selfscore.metrics.counterfactual import counterfactual_figures
from selfscore.metrics.fidelity import fidelity_figures
from selfscore.metrics.gains import srcc_gain
from selfscore.metrics.health import health_figures
from selfscore.metrics.policy_metrics import policy_metrics, policy_metrics_by_group
from selfscore.metrics.rank_correlation import kendall, plcc, srcc
from selfscore.metrics.resampling import Resampling
from selfscore.review.figures import review_figures
from selfscore.review.pairs import LABELS
from selfscore.study.analysis import study_figures
from selfscore.study.items import CHECK, GUESS, NONE, OTHER, OWN

LEVELS = 4
# The largest number that there is is 1.8e308.
HUGE = 0.6e308


def judgements(n: int, values: str) -> pd.DataFrame:
    """A table of `n` rows: all of them different, all the same, without a usable answer, or with
    huge scores.
    """
    level = np.zeros(n, dtype=int) if values == "same" else np.arange(n) % LEVELS
    stated = np.full(n, np.nan) if values == "unusable" else level.astype(float)
    size = HUGE if values == "huge" else 1.0
    return pd.DataFrame(
        {
            "image_id": [str(row) for row in range(n)],
            "split": "test",
            "group": "",
            "score": size * (level.astype(float) - 1),
            "level": level,
            "expected_score": size * (level[::-1].astype(float) - 1),
            "expected_level": level[::-1].astype(float),
            "valid": ~np.isnan(stated),
            "emitted_score": size * (stated - 1),
            "emitted_level": stated,
            "inferred_level": stated,
            "faithfulness": stated / LEVELS,
            "explanation": "",
            "probabilities": pd.Series(list(np.eye(LEVELS)[level]), dtype=object),
        }
    )


FIGURES: dict[str, Callable[[pd.DataFrame, Resampling], object]] = {
    "policy": lambda rows, draws: policy_metrics(rows, LEVELS, draws),
    "group": lambda rows, draws: policy_metrics_by_group(rows, LEVELS, "image_id", 2, draws),
    "calibration": lambda rows, draws: calibration_metrics(rows, 5, draws),
    "reliability": lambda rows, draws: reliability_curves(rows, 5, draws),
    "prior": lambda rows, draws: prior_metrics(rows, judgements(1, "same"), LEVELS, draws),
    "shuffled": lambda rows, draws: shuffled_metrics(rows, draws),
    "ceiling": lambda rows, draws: ceiling_metrics(rows, np.arange(LEVELS), draws),
    "health": lambda rows, _: health_figures(rows, LEVELS),
    "consistency": lambda rows, draws: consistency_figures(
        rows["inferred_level"], rows["level"], rows["score"], draws
    ),
    "discrimination": lambda rows, draws: discrimination_figure(
        rows["image_id"].tolist(), rows["inferred_level"], rows["level"], _by_name(draws, rows)
    ),
    "counterfactual": lambda rows, draws: counterfactual_figures(_edits(rows), draws),
    "fidelity": lambda rows, draws: fidelity_figures(
        rows.assign(
            affirmed=rows["faithfulness"],
            affirmed_elsewhere=rows["faithfulness"][::-1],
            told=rows["faithfulness"],
            separation=rows["faithfulness"],
        ),
        draws,
    ),
    "review": lambda rows, draws: review_figures(_labels(rows), stage_settings.review(), 0),
    "study": lambda rows, draws: study_figures(_answers(rows), stage_settings.study()),
    "gain": lambda rows, draws: srcc_gain(rows, rows, draws),
    "agreement": lambda rows, draws: agreement(
        {"one": rows["inferred_level"], "other": rows["inferred_level"]}, draws
    ),
    "told_apart": lambda rows, _: told_apart(
        rows["image_id"].tolist(), rows["inferred_level"], rows["level"]
    ),
    "entropy": lambda rows, _: level_entropy(rows["emitted_level"].dropna(), LEVELS),
    "blind": lambda rows, _: blind_preference_accuracy(rows["level"], rows["level"] + 1),
}


def _edits(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as edits of pictures, every other one of them made."""
    named = rows["faithfulness"].round()
    return rows[["level"]].assign(
        strength=0.5 * (np.arange(len(rows)) % 2),
        impact=rows["level"] / LEVELS,
        moved=rows["level"] > 1,
        mentioned=named,
        mentioned_elsewhere=1 - named,
        judged=named,
        words=rows["level"],
    )


def _labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Two readers' labels of the images as pairs."""
    label = rows["emitted_level"].fillna(3).astype(int).map(dict(enumerate(LABELS)))
    one = rows.assign(key=rows["image_id"], label=label, usable=label == LABELS[0])
    one["told_apart"] = rows["emitted_level"].where(rows["emitted_level"].isna(), 1.0)
    return pd.concat([one.assign(reader=name) for name in "ab"], ignore_index=True)


def _answers(rows: pd.DataFrame) -> pd.DataFrame:
    """Each image in every task and arm, half of the levels planted."""
    shown = rows.assign(
        rater=rows["image_id"],
        before=rows["level"],
        after=rows["emitted_level"],
        planted=rows["level"] % 2 == 1,
        accepted=rows["level"] > 1,
        seconds=rows["level"] + 1.0,
    )
    tasks = [(task, arm) for task in (GUESS, CHECK) for arm in (OWN, OTHER, NONE)]
    return pd.concat([shown.assign(task=task, arm=arm) for task, arm in tasks], ignore_index=True)


def _by_name(draws: Resampling, rows: pd.DataFrame) -> Resampling:
    if draws.clusters is None:
        return draws
    return replace(draws, clusters=draws.clusters.set_axis(rows["image_id"]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("n", "values"),
    [(3, "huge"), *((n, kind) for n in range(4) for kind in ("different", "same", "unusable"))],
)
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("clustered", [False, True])
def test_few_rows_end_nothing(figure: str, n: int, values: str, clustered: bool) -> None:
    rows = judgements(n, values)
    clusters = pd.Series([row % 2 for row in range(n)], index=rows.index) if clustered else None
    found = FIGURES[figure](rows, Resampling(n=20, confidence=0.9, seed=0, clusters=clusters))
    if isinstance(found, pd.DataFrame) and {"low", "value", "high"} <= set(found.columns):
        known = found.dropna()
        assert (known["low"] <= known["high"]).all()
        assert np.isfinite(known[["low", "value", "high"]].astype(float)).all(axis=None)


def test_every_metric_that_has_words_is_among_them() -> None:
    rows, draws = judgements(8, "different"), Resampling(n=5, confidence=0.9, seed=0)
    found = {"blind_accuracy"}
    for figure in FIGURES.values():
        table = figure(rows, draws)
        found |= (
            set(table["metric"]) if isinstance(table, pd.DataFrame) and "metric" in table else set()
        )
    assert set(METRICS) <= found


STATISTICS = {
    "srcc": srcc,
    "plcc": plcc,
    "kendall": kendall,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "within_1": within,
    "exact": exact,
}
anything = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]),
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", STATISTICS)
@given(st.integers(0, 5).flatmap(lambda n: st.lists(st.tuples(anything, anything), max_size=n)))
def test_any_numbers_have_a_figure_or_none(name: str, pairs: list[tuple[float, float]]) -> None:
    """The figure itself, that of the same rows twice, and that of the rows in another order."""
    predicted, true = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    figure = float(STATISTICS[name](predicted, true))
    assert not np.isinf(figure)
    both = STATISTICS[name](np.stack([predicted, predicted[::-1]]), np.stack([true, true[::-1]]))
    np.testing.assert_allclose(both, figure, rtol=1e-9, atol=1e-9)
    if name in ("mae", "rmse", "within_1", "exact") and pairs:
        assert np.isnan(figure) or figure >= 0


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6), st.integers(1, 900))
def test_the_size_of_numbers_does_not_matter(values: list[int], exponent: int) -> None:
    """Figures of numbers times a power of two are those of the numbers, times it where errors."""
    columns = np.array(values, dtype=float), np.array(values[::-1], dtype=float)
    large = [np.ldexp(column, exponent) for column in columns]
    np.testing.assert_equal(plcc(*large), plcc(*columns))
    for error in (mean_absolute_error, root_mean_squared_error):
        np.testing.assert_equal(error(*large), np.ldexp(error(*columns), exponent))
