"""What can be had without looking at the picture, and what no policy can beat on these levels.

Figures of a policy mean something only between the two: the prior below, the ceiling above.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import (
    exact,
    mean_absolute_error,
    root_mean_squared_error,
    share,
    within,
)
from selfscore.metrics.calibration import calibration_metrics
from selfscore.metrics.constant_answer import ConstantAnswer
from selfscore.metrics.policy_metrics import LEVEL_METRICS, SCORE_METRICS
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling, Statistic
from selfscore.metrics.shuffling import shuffle_images

Figure = tuple[str, Statistic, tuple[NDArray[np.float64], ...]]


def prior_metrics(
    images: pd.DataFrame,
    training: pd.DataFrame,
    n_levels: int,
    resampling: Resampling,
) -> pd.DataFrame:
    """Figures of the best answers that are the same for every image, see `ConstantAnswer`.

    Each figure gets the constant that is best for it on the training images. A constant puts
    nothing in order: `srcc`, `plcc` and `kendall` are 0.

    Args:
        images: Evaluated images with score and level.
        training: Training images with score and level; at least one.
        n_levels: Number of levels of the scale.
        resampling: How the evaluated images are resampled.

    Returns:
        Columns metric, value, low, high, n, the metrics named as in `policy_metrics` and
        `calibration_metrics`. The correlations' intervals have no width.

    Raises:
        ValueError: If there are no training images.
    """
    answer = ConstantAnswer.learnt_from(training, n_levels)
    table = _intervals(_prior_figures(images, answer), images, resampling)
    none = {"value": 0.0, "low": 0.0, "high": 0.0, "n": len(images)}
    rank = pd.DataFrame([{"metric": metric, **none} for metric in ("srcc", "plcc", "kendall")])
    return pd.concat([rank, table], ignore_index=True)


def ceiling_metrics(
    images: pd.DataFrame, level_scores: ArrayLike, resampling: Resampling
) -> pd.DataFrame:
    """Figures of a policy that writes the true level of every image.

    What is missing to perfection is lost by the levels themselves: images of one level are not put
    in order. It bounds what a policy can reach with the level it writes (`_emitted`); an expected
    level lies between the levels and can be better.

    Args:
        images: Evaluated images with score and level.
        level_scores: The score each level stands for, in the user's unit, shape (n_levels,).
        resampling: How the evaluated images are resampled.

    Returns:
        Columns metric, value, low, high, n for srcc, plcc, kendall, mae, rmse. `within_1` and
        `exact` are 1 by construction and have no row.
    """
    score = images["score"].to_numpy(dtype=float)
    written = np.asarray(level_scores, dtype=np.float64)[images["level"].to_numpy(dtype=np.int64)]
    figures = ((name, metric, (written, score)) for name, metric in SCORE_METRICS.items())
    return _intervals(figures, images, resampling)


def shuffled_metrics(judgements: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Figures of the answers given to other pictures than those they are measured on.

    Correlations must be about 0; what is left of them was never in the picture. See
    `shuffle_images`.

    Args:
        judgements: One policy's, see `policy_metrics` and `calibration_metrics`.
        resampling: How the rows are resampled; its seed is also that of the permutation.

    Returns:
        Columns metric, value, low, high, n for the metrics of the expected score and level, and
        for rps; the costly kendall is left out. No rows for a single image.
    """
    if len(judgements) < 2:
        return pd.DataFrame(columns=FIGURE_COLUMNS)
    answers = shuffle_images(judgements, resampling.seed)
    units = [("score", SCORE_METRICS), ("level", LEVEL_METRICS)]
    figures = resampling.table(
        (metric, statistic, answers[[f"expected_{unit}", unit]])
        for unit, metrics in units
        for metric, statistic in metrics.items()
        if metric != "kendall"
    )
    calibration = calibration_metrics(answers, 1, resampling)
    return pd.concat([figures, calibration[calibration["metric"] == "rps"]], ignore_index=True)


def _prior_figures(images: pd.DataFrame, answer: ConstantAnswer) -> Iterator[Figure]:
    score = images["score"].to_numpy(dtype=float)
    level = images["level"].to_numpy(dtype=float)
    yield "mae", mean_absolute_error, (np.full_like(score, answer.score), score)
    yield "rmse", root_mean_squared_error, (np.full_like(score, answer.mean), score)
    yield "within_1", within, (np.full_like(level, answer.within_1), level)
    yield "exact", exact, (np.full_like(level, answer.exact), level)
    yield "rps", share, (answer.rps(level),)


def _intervals(
    figures: Iterator[Figure], images: pd.DataFrame, resampling: Resampling
) -> pd.DataFrame:
    return resampling.table(
        (name, statistic, pd.DataFrame(dict(enumerate(columns)), index=images.index))
        for name, statistic, columns in figures
    )
