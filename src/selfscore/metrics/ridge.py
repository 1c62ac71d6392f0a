"""What the frozen image features alone are worth: a ridge regression on them, in a second.

The floor that a trained policy has to be compared with: it needs no rounds, and gives no reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.policy_metrics import LEVEL_METRICS, SCORE_METRICS
from selfscore.metrics.resampling import Resampling

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Strengths to choose from, for features in units of their own spread.
_ALPHAS = np.logspace(-3, 5, 17)
_PARTS = 10


def predict_scores(
    features: NDArray[np.float64], scores: ArrayLike, others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores of other images by a ridge regression, whose strength leave-one-out error chooses.

    Args:
        features: of the training images, shape (m, d) with m of at least 2.
        scores: of the training images, shape (m,).
        others: features of the images to score, shape (n, d).

    Returns:
        Scores in the unit of those given, shape (n,).
    """
    model = _ridge().fit(features, np.asarray(scores))
    return np.asarray(model.predict(others), dtype=np.float64)


def cross_fitted_scores(
    features: NDArray[np.float64], scores: ArrayLike, groups: ArrayLike
) -> NDArray[np.float64]:
    """The score of each image by a ridge regression that has seen no image of its group.

    Args:
        features: shape (n, d).
        scores: shape (n,).
        groups: shape (n,), at least three different ones, in ten parts or as many as there are.

    Returns:
        Scores in the unit of those given, shape (n,).
    """
    from sklearn.model_selection import GroupKFold, cross_val_predict

    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    parts = GroupKFold(min(_PARTS, names.max() + 1), shuffle=True, random_state=0)
    predicted = cross_val_predict(_ridge(), features, np.asarray(scores), groups=names, cv=parts)
    return np.asarray(predicted, dtype=np.float64)


def _ridge() -> Pipeline:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeCV(_ALPHAS))


def ridge_metrics(
    predicted: NDArray[np.float64],
    images: pd.DataFrame,
    level_scores: ArrayLike,
    resampling: Resampling,
) -> pd.DataFrame:
    """Figures of predicted scores; a score between those of two levels lies between the levels.

    Args:
        predicted: Output of `predict_scores`.
        images: The same images with score and level.
        level_scores: The score each level stands for, rising, shape (n_levels,).
        resampling: How the images are resampled.

    Returns:
        Columns metric, value, low, high, n, the metrics named as in `policy_metrics`.
    """
    values = np.asarray(level_scores, dtype=np.float64)
    levels = np.interp(predicted, values, np.arange(len(values)))
    by_unit = (("score", predicted, SCORE_METRICS), ("level", levels, LEVEL_METRICS))
    return resampling.table(
        (metric, statistic, images[[unit]].assign(predicted=given)[["predicted", unit]])
        for unit, given, metrics in by_unit
        for metric, statistic in metrics.items()
    )
