"""What the frozen image features alone are worth: a ridge regression on them, in a second.

The floor that a trained policy has to be compared with: it needs no rounds, and gives no reasons.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.policy_metrics import LEVEL_METRICS, SCORE_METRICS
from selfscore.metrics.resampling import Resampling

# Strengths to choose from, for features in units of their own spread.
_ALPHAS = np.logspace(-3, 5, 17)


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
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS)).fit(features, np.asarray(scores))
    return np.asarray(model.predict(others), dtype=np.float64)


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
