"""What the level expert learns from: every training image, its score as levels, its text.

And what it is stopped by: the validation images, with their scores alone.

Knows tables of images and accepted texts; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from selfscore.configuration.splits import SEEN
from selfscore.preference_data.second_opinion import NO_OPINION, SecondOpinion
from selfscore.preference_data.soft_levels import soft_levels
from selfscore.scored_images.score_scale import positions
from selfscore.vlm.response import write_response

LEVEL_COLUMNS = [
    "image_id",
    "path",
    "split",
    "level",
    "position",
    "ridge",
    "ridge_share",
    "spread",
    "target",
    "response",
]


def level_examples(
    scored_images: pd.DataFrame,
    generations: pd.DataFrame,
    values: Sequence[float],
    second_opinion: SecondOpinion = NO_OPINION,
) -> pd.DataFrame:
    """One row a training image, and one a validation image.

    Args:
        scored_images: image_id, path, split, score, level and, where raters differ and that is
            known, spread: their standard deviation in levels.
        generations: texts with forced levels; the accepted ones of the side `chosen` count.
        values: score of each level.
        second_opinion: of the training images.

    Returns:
        image_id, path, split, level; position (the score in levels, between two of them), of a
        training image moved to the second opinion by its share; ridge and ridge_share (that
        opinion, NaN where there is none, and the share, 0 there); spread (NaN where it is not
        known), target (the probability of each level) and response: the whole right-score
        response, "" where no text was accepted, as of all validation images. Its score is trained
        all the same.
    """
    used = scored_images["split"].isin(SEEN)
    images = scored_images[used].reset_index(drop=True)
    kept = generations["accepted"] & (generations["side"] == "chosen")
    explanations = generations[kept].set_index("image_id")["explanation"]
    texts = images["image_id"].map(explanations)
    truth = positions(images["score"].to_numpy(dtype=float), values)
    opinion = images["path"].map(second_opinion.positions).where(images["split"] == "train")
    ridge = opinion.to_numpy(dtype=float)
    share = np.where(np.isnan(ridge), 0.0, second_opinion.share)
    position = truth + share * (np.nan_to_num(ridge) - truth)
    spread = (
        images["spread"].to_numpy(dtype=float)
        if "spread" in images
        else np.full(len(images), np.nan)
    )
    return images.assign(
        position=position,
        ridge=ridge,
        ridge_share=share,
        spread=spread,
        target=list(soft_levels(position, spread, len(values))),
        response=[
            write_response(level, text) if isinstance(text, str) else ""
            for level, text in zip(images["level"], texts, strict=True)
        ],
    )[LEVEL_COLUMNS]
