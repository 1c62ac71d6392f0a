"""Simulated raters, and the model's taste that differs from theirs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from selfscore_demo.faults import ATTRIBUTES, draw_severities
from selfscore_demo.raters import rate
from selfscore_demo.taste import taste_levels, taste_ranks


@pytest.fixture(scope="module")
def severities() -> dict[str, np.ndarray]:
    """Severities of 1,000 pictures."""
    rng = np.random.default_rng(0)
    drawn = [draw_severities(rng) for _ in range(1000)]
    return {name: np.asarray([row[name] for row in drawn]) for name in ATTRIBUTES}


def test_severity_decides_and_raters_scatter(severities: dict[str, np.ndarray]) -> None:
    table = rate(severities, ["one"] * 1000, 15, np.random.default_rng(0))
    assert list(table.columns) == ["score", "score_std", "raters"]
    assert table["score"].between(1, 10).all()
    assert 0.7 < table["score_std"].mean() < 2.0
    assert 1.0 < table["score"].std() < 2.5
    target = severities["blur"] + severities["noise"] + severities["compression"]
    assert spearmanr(-target, table["score"]).statistic > 0.9


def test_more_raters_agree_better_with_the_severities(severities: dict[str, np.ndarray]) -> None:
    target = -(severities["blur"] + severities["noise"] + severities["compression"])
    few, many = (
        spearmanr(rate(severities, ["one"] * 1000, n, np.random.default_rng(0))["score"], target)
        for n in (2, 30)
    )
    assert many.statistic > few.statistic + 0.05


def test_every_level_is_equally_frequent_in_the_models_taste(
    severities: dict[str, np.ndarray],
) -> None:
    ranks = taste_ranks(severities, np.random.default_rng(0))
    for levels in (2, 10, 20, 100):
        counts = np.bincount(taste_levels(ranks, levels)).tolist()
        assert counts == [1000 // levels] * levels


def test_the_models_taste_is_weakly_related_to_the_raters(
    severities: dict[str, np.ndarray],
) -> None:
    scores = rate(severities, ["one"] * 1000, 15, np.random.default_rng(0))["score"]
    levels = taste_levels(taste_ranks(severities, np.random.default_rng(0)), 10)
    assert 0.1 < spearmanr(levels, scores).statistic < 0.45
    assert spearmanr(levels, -severities["colour"]).statistic > 0.3


def test_one_rater_has_no_spread(severities: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least 2 raters"):
        rate(severities, ["one"] * 1000, 1, np.random.default_rng(0))
