"""Node of evaluation: what a ridge regression on the frozen image features reaches."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from selfscore.metrics.figures import ANY, COLUMNS, RIDGE, as_figures
from selfscore.metrics.ridge import predict_scores, ridge_metrics
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)


def measure_ridge(
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    base_policy: Policy,
    settings: EvaluationSettings,
    seed: int,
) -> pd.DataFrame:
    """The figures of a ridge regression from image features to scores.

    It sees the mean of what the policies see of an image, its tokens. It is fitted on the training
    images, and so is its strength.

    Args:
        image_features: what the base model's tower makes of the images.
        scored_images: the images with their scores.
        base_policy: of which the scale counts.
        settings: of which `splits` count, and how intervals are drawn.
        seed: of the resamples.

    Returns:
        Rows of the table of figures, of round 0, the policy `any` and `of` `ridge`. None of a split
        of which not all features are stored, nor where fewer than two training images have theirs.
    """
    pooled = {path: features.pooled for path, features in image_features.images.items()}
    known = scored_images[scored_images["path"].isin(list(pooled))]
    training = known[known["split"] == "train"]
    tables = []
    for split in settings.splits if len(training) > 1 else ():
        rows = known[known["split"] == split].reset_index(drop=True)
        if rows.empty or len(rows) < (scored_images["split"] == split).sum():
            continue
        fitted, asked = (
            np.stack([pooled[path] for path in some["path"]]) for some in (training, rows)
        )
        predicted = predict_scores(fitted, training["score"], asked)
        draws = settings.resampling(rows["group"], seed)
        figures = ridge_metrics(predicted, rows, base_policy.card.score_scale.values, draws)
        tables.append(as_figures(figures, round=0, policy=ANY, split=split, of=RIDGE))
    if not tables:
        logger.info("No ridge regression: the images' features are not stored.")
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
