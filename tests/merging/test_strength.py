"""The choice among strengths, on made-up scores and answers with known faults."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.merging.strength import COLUMNS, Answers, choose
from selfscore.metrics.resampling import Resampling

N = 120
TRUE = np.linspace(0.0, 9.0, N)
DRAWS = Resampling(200, 0.95, seed=0)
NOISE = np.random.default_rng(0).normal(size=N)


def scores(noise: float) -> np.ndarray:
    """The truth with noise that differs in size alone, so that more of it is clearly worse."""
    return TRUE + noise * NOISE


def answers(valid: float = 1.0, fit: float = 0.3) -> Answers:
    kept = np.arange(N) >= round((1 - valid) * N)
    inferred = np.where(kept, TRUE + fit * NOISE, np.nan)
    return Answers(kept, np.where(kept, TRUE.round(), np.nan), inferred)


def chosen(expected, written):
    asked = []

    def write(strength):
        asked.append(strength)
        return written.get(strength, answers())

    found, table = choose(expected, TRUE, write, DRAWS, DRAWS)
    return found, table, asked


def test_of_equally_good_strengths_the_weakest_is_taken_and_no_more_is_written():
    expected = {0.5: scores(9.0), 1.0: scores(1.0), 2.0: scores(1.0), 3.0: scores(9.0)}
    found, table, asked = chosen(expected, {})
    assert found == 1.0
    assert asked == [0.0, 1.0]
    assert list(table) == COLUMNS
    assert table["lambda"].tolist() == [0.0, 0.5, 1.0, 2.0, 3.0]
    assert table["chosen"].tolist() == [False, False, True, False, False]
    assert table["format_valid"].notna().tolist() == [True, False, True, False, False]
    assert table.loc[2, "srcc"] > 0.9 > table.loc[1, "srcc"]


@pytest.mark.parametrize("harm", [{"valid": 0.8}, {"fit": 30.0}])
def test_a_strength_that_harms_the_answers_gives_way_to_a_weaker_one(harm):
    expected = {0.5: scores(9.0), 1.0: scores(3.0), 2.0: scores(1.0)}
    found, _, asked = chosen(expected, {2.0: answers(**harm)})
    assert found == 1.0
    assert asked == [0.0, 2.0, 1.0]


def test_where_every_strength_harms_none_is_chosen():
    expected = {0.5: scores(9.0), 2.0: scores(1.0)}
    harmful = dict.fromkeys(expected, answers(valid=0.5))
    found, table, asked = chosen(expected, harmful)
    assert found is None
    assert not table["chosen"].any()
    assert asked == [0.0, 2.0, 0.5]


def test_answers_that_get_better_are_kept():
    assert chosen({1.0: scores(1.0)}, {0.0: answers(valid=0.5, fit=9.0)})[0] == 1.0


@pytest.mark.parametrize("true", [np.zeros(0), np.zeros(1), np.zeros(2), np.full(N, 3.0)])
def test_where_nothing_can_be_ranked_nothing_is_chosen_or_written(true):
    expected = {1.0: np.arange(len(true), dtype=float)}
    never = pytest.fail
    found, table = choose(expected, true, never, DRAWS, DRAWS)
    assert found is None
    assert table["srcc"].isna().all()


@given(
    noises=st.lists(st.floats(0.1, 20), min_size=1, max_size=6),
    valid=st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
@settings(deadline=None, max_examples=25)
def test_what_is_chosen_is_a_candidate_that_keeps_the_answers(noises, valid):
    expected = {float(place + 1): scores(noise) for place, noise in enumerate(noises)}
    written = {float(place + 1): answers(valid=share) for place, share in enumerate(valid)}
    found, table, asked = chosen(expected, written)
    assert table["chosen"].sum() == (found is not None)
    if found is not None:
        assert found in expected and found in asked
        assert table.set_index("lambda").loc[found, "format_valid"] > 0.98
    else:
        assert {0.0, 1.0} <= set(asked)


def test_images_of_one_group_are_drawn_together():
    groups = pd.Series(np.arange(N) // 60)
    grouped = Resampling(200, 0.95, seed=0, clusters=groups)
    # Better on one half of the images alone: with two groups that could be chance.
    better = np.where(np.arange(N) < 60, TRUE, TRUE + 2 * NOISE)
    expected = {1.0: scores(2.0), 2.0: better}
    assert choose(expected, TRUE, lambda _: answers(), DRAWS, DRAWS)[0] == 2.0
    assert choose(expected, TRUE, lambda _: answers(), grouped, DRAWS)[0] in (1.0, 2.0)
