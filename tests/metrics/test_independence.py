from __future__ import annotations

import numpy as np
import pytest

from selfscore.metrics.independence import effective_size
from selfscore.metrics.rank_correlation import spearman_error, srcc

RNG = np.random.default_rng(0)


def test_rows_that_are_alone_count_in_full() -> None:
    assert effective_size([1, 2, 3], ["a", "b", "c"]) == 3


def test_copies_count_once() -> None:
    assert effective_size(np.repeat(RNG.normal(size=20), 5), np.repeat(range(20), 5)) == 20


def test_groups_that_say_nothing_cost_little() -> None:
    assert effective_size(RNG.normal(size=600), np.arange(600) % 40) > 400


@pytest.mark.parametrize("values", [[1, 2, 3], [5, 5, 5]])
def test_one_group_is_one(values: list[float]) -> None:
    assert effective_size(values, ["a"] * 3) == 1


def test_the_variance_of_a_mean_is_that_of_so_many_rows() -> None:
    groups = np.repeat(range(30), 6)
    draws = RNG.normal(size=(4000, 30)).repeat(6, axis=1) + RNG.normal(size=(4000, 180))
    worth = np.mean([effective_size(row, groups) for row in draws[:200]])
    assert worth == pytest.approx(2 / draws.mean(axis=1).var(), rel=0.1)


def test_the_error_of_a_rank_correlation_is_that_of_draws() -> None:
    true = RNG.normal(size=(4000, 60))
    found = srcc(0.52 * true + np.sqrt(1 - 0.52**2) * RNG.normal(size=true.shape), true)
    assert spearman_error(0.5, 60) == pytest.approx(found.std(), rel=0.05)
    assert spearman_error(0.5, 3) == np.inf
