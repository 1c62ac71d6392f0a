"""From who won against whom to a score each, with its standard error (Bradley and Terry 1952).

Fitted as what it is, a logistic regression on differences, by scikit-learn. Knows numbers alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Three matrices of K x K numbers are held at a time, of the errors: 9.6 GB.
MOST_SCORES = 20_000

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def bradley_terry(
    winners: Places, losers: Places, weights: Array, count: int, prior: float
) -> tuple[Array, Array]:
    """Scores s with P(i beats j) = 1 / (1 + exp(s_j - s_i)), and how far each may be off.

    Without a prior who always won has no finite score. Here every score is drawn towards their
    mean: the maximum of the likelihood times a normal distribution of the scores.

    Args:
        winners: [N] places in the scores; a tie is two rows of half the weight.
        losers: [N] likewise.
        weights: [N] of the comparisons, above 0.
        count: number of scores, K, at most `MOST_SCORES`; each is compared at least once.
        prior: standard deviation of the scores beforehand.

    Returns:
        Scores [K], with mean 0, and standard errors [K] from the curvature at the maximum, both in
        log-odds. The errors take memory for K x K numbers.
    """
    from scipy.sparse import csr_array, vstack
    from sklearn.linear_model import LogisticRegression

    rows = np.arange(len(winners))
    ends = csr_array(
        (
            np.r_[np.ones(len(rows)), -np.ones(len(rows))],
            (np.r_[rows, rows], np.r_[winners, losers]),
        ),
        shape=(len(rows), count),
    )
    # Each row once from either side, as a regression needs both answers.
    answers = np.r_[np.ones(len(rows)), np.zeros(len(rows))]
    fitted = LogisticRegression(C=prior**2, fit_intercept=False, tol=1e-8, max_iter=10_000).fit(
        vstack([ends, -ends]), answers, sample_weight=np.r_[weights, weights] / 2
    )
    scores = fitted.coef_[0] - fitted.coef_[0].mean()
    return scores, _errors(scores, winners, losers, weights, prior)


def _errors(scores: Array, winners: Places, losers: Places, weights: Array, prior: float) -> Array:
    chance = 1 / (1 + np.exp(scores[losers] - scores[winners]))
    known = weights * chance * (1 - chance)
    curvature = np.eye(len(scores)) / prior**2
    for one, other, sign in (
        (winners, winners, 1),
        (losers, losers, 1),
        (winners, losers, -1),
        (losers, winners, -1),
    ):
        np.add.at(curvature, (one, other), sign * known)
    # Less what is not known of their mean, which says nothing of one against another.
    variances = np.diag(np.linalg.inv(curvature)) - prior**2 / len(scores)
    errors: Array = np.sqrt(np.clip(variances, 0, None))
    return errors
