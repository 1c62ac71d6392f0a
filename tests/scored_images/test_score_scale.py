from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.scored_images.score_scale import fit, place

RNG = np.random.default_rng(0)


def sizes(scores: np.ndarray, levels: int = 10) -> tuple[dict[str, Any], list[int]]:
    scale = fit(scores, levels, "quantile", "points")
    placed = place(scores, scale["edges"])
    return scale, np.bincount(placed, minlength=scale["levels"]).tolist()


@pytest.mark.parametrize("grades", [[0, 1], [0, 1, 2, 3, 4], [1, 2, 3, 5, 7, 9, 11], [0.1, 0.3]])
@pytest.mark.parametrize("method", ["quantile", "integer"])
def test_few_scores_are_the_levels_with_their_own_values(grades: list[float], method: str) -> None:
    lopsided = np.repeat(grades, [3] + [40] * (len(grades) - 1)).astype(float)
    if method == "integer" and grades != [0, 1] and len(grades) != 5:
        return
    scale = fit(lopsided, 10, method, "grade")  # type: ignore[arg-type]
    assert scale["values"] == grades
    assert scale["levels"] == len(grades)
    assert scale["method"] == "grades"
    assert place(lopsided, scale["edges"]).tolist() == np.searchsorted(grades, lopsided).tolist()


@pytest.mark.parametrize("most", [0.0, 5.0, 10.0])
def test_a_score_that_most_images_have_is_one_of_ten_levels(most: float) -> None:
    scores = np.where(RNG.random(500) < 0.6, most, RNG.uniform(0, 10, 500))
    scale, counts = sizes(scores)
    ties = int((scores == most).sum())
    rest = sorted(counts)[:-1]
    assert scale["levels"] == 10
    assert ties <= max(counts) <= ties + 2
    assert min(rest) > 0.6 * max(rest)


def test_thirteen_grades_make_ten_levels() -> None:
    scale, counts = sizes(np.repeat(np.arange(13.0), 20))
    assert sorted(counts) == [20] * 7 + [40] * 3
    assert scale["method"] == "quantile"


def test_levels_without_ties_are_quantiles() -> None:
    scores = RNG.normal(size=1000)
    scale, counts = sizes(scores)
    assert scale["edges"] == np.quantile(scores, np.arange(1, 10) / 10).tolist()
    assert counts == [100] * 10


def test_few_images_with_a_score_each_share_levels() -> None:
    scale, counts = sizes(np.array([1.0, 2, 3, 4, 5, 6, 7]))
    assert scale["method"] == "quantile"
    assert sorted(counts) == [2, 2, 3]


def test_one_score_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"All 30 training images have the score 4.*columns\.score"
    ):
        fit(np.full(30, 4.0), 10, "quantile", "points")


@given(
    st.lists(st.sampled_from([0, 0.1, 1, 1 + 2**-52, 2, 3, 1e15, -1e15, 5e-324]), min_size=2),
    st.integers(2, 10),
)
def test_any_scores_have_filled_levels_in_their_order(scores: list[float], levels: int) -> None:
    if len(set(scores)) < 2:
        return
    array = np.array(scores)
    scale, counts = sizes(array, levels)
    most = len(set(scores)) if len(set(scores)) < len(scores) else max(2, len(scores) // 2)
    assert scale["levels"] == min(levels, most) == len(counts)
    assert min(counts) > 0
    assert np.isfinite(scale["values"]).all()
    assert (np.diff(scale["values"]) >= 0).all()
    assert (np.diff(place(np.sort(array), scale["edges"])) >= 0).all()
