"""The fit of comparisons, held to its definition and to what every such fit must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from selfscore.datasets.formats.bradley_terry import bradley_terry

IMAGES = 5
# A chain keeps all of them comparable; the others are drawn.
_CHAIN = [(number, number + 1) for number in range(IMAGES - 1)]
_PAIR = st.tuples(st.integers(0, IMAGES - 1), st.integers(0, IMAGES - 1)).filter(
    lambda pair: pair[0] != pair[1]
)
wins = st.lists(_PAIR, max_size=20).map(lambda drawn: _CHAIN + drawn)


def fit(pairs, weights=None, prior=2.0, count=IMAGES):
    winners, losers = np.array(pairs, dtype=np.int64).T
    given = np.ones(len(pairs)) if weights is None else np.asarray(weights, dtype=float)
    return bradley_terry(winners, losers, given, count, prior)


def objective(scores, pairs, prior):
    winners, losers = np.array(pairs).T
    likelihood = -np.logaddexp(0, scores[losers] - scores[winners]).sum()
    return -likelihood + (scores**2).sum() / (2 * prior**2)


@settings(max_examples=25, deadline=None)
@given(wins, st.sampled_from([0.5, 2.0, 5.0]))
def test_it_is_the_maximum_of_likelihood_times_prior(pairs, prior) -> None:
    scores, errors = fit(pairs, prior=prior)
    best = minimize(objective, np.zeros(IMAGES), args=(pairs, prior), tol=1e-10)
    assert scores == pytest.approx(best.x, abs=2e-3)
    assert abs(scores.sum()) < 1e-8
    assert np.isfinite(errors).all() and (errors > 0).all()
    # Nothing is less sure than without any comparison.
    assert (errors < prior).all()


@settings(max_examples=25, deadline=None)
@given(wins)
def test_turned_round_all_scores_change_their_sign(pairs) -> None:
    scores, errors = fit(pairs)
    turned, same = fit([(loser, winner) for winner, loser in pairs])
    assert turned == pytest.approx(-scores, abs=1e-3)
    assert same == pytest.approx(errors, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(wins, st.integers(0, IMAGES - 2))
def test_one_more_win_does_not_lower_a_score(pairs, winner) -> None:
    before, _ = fit(pairs)
    after, _ = fit([*pairs, (winner, IMAGES - 1)])
    assert after[winner] > before[winner] - 1e-3
    assert after[IMAGES - 1] < before[IMAGES - 1] + 1e-3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=10, max_size=10))
def test_where_all_met_once_the_order_is_that_of_the_wins(first_won) -> None:
    met = [(one, other) for one in range(IMAGES) for other in range(one)]
    pairs = [pair if won else pair[::-1] for pair, won in zip(met, first_won, strict=True)]
    scores, _ = fit(pairs)
    count = np.bincount([winner for winner, _ in pairs], minlength=IMAGES)
    for one in range(IMAGES):
        for other in range(IMAGES):
            if count[one] > count[other]:
                assert scores[one] > scores[other]
            elif count[one] == count[other]:
                assert scores[one] == pytest.approx(scores[other], abs=1e-3)


def test_ties_alone_make_all_equal() -> None:
    pairs = [*_CHAIN, *((loser, winner) for winner, loser in _CHAIN)]
    scores, _ = fit(pairs, np.full(len(pairs), 0.5))
    assert scores == pytest.approx(np.zeros(IMAGES), abs=1e-9)


def test_who_always_won_has_an_end_and_more_comparisons_make_it_surer() -> None:
    scores, errors = fit([(0, 1)] * 10, count=2)
    assert 0.5 < scores[0] < 6
    _, surer = fit([(0, 1), (1, 0)] * 50, count=2)
    assert surer[0] < errors[0] / 2


def test_scores_that_were_drawn_are_found_within_their_errors() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1.5, 60)
    one, other = rng.integers(0, 60, (2, 3000))
    one, other = one[one != other], other[one != other]
    won = rng.random(len(one)) < 1 / (1 + np.exp(true[other] - true[one]))
    pairs = np.where(won[:, None], np.c_[one, other], np.c_[other, one])
    scores, errors = fit(pairs, count=60)
    assert np.corrcoef(scores, true)[0, 1] > 0.97
    off = (scores - (true - true.mean())) / errors
    assert 0.7 < off.std() < 1.3
