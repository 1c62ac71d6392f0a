"""A second opinion of a training image's score: that of a ridge regression on other images.

One rater's score of one image is noise in part, and a large model learns the noise by heart. A
regression that has not seen the image tells what its features let one expect. To learn from a
share of both is distillation (Hinton et al., arXiv 1503.02531, section 2), the teacher being
cross-fitted, so that it cannot have learnt the score it is asked for.

Knows numbers by image; knows no model and no text.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.ridge import cross_fitted_scores
from selfscore.scored_images.score_scale import positions

logger = logging.getLogger(__name__)

# Groups of which one is left out: a regression takes two images.
_FEWEST = 3


@dataclass(frozen=True)
class SecondOpinion:
    """What is held of training images beside their true scores.

    Attributes:
        positions: image path → score in levels.
        share: how much it counts, 0 … 1; the rest is the true score's.
    """

    positions: Mapping[str, float] = field(default_factory=dict)
    share: float = 0.0


NO_OPINION = SecondOpinion()


def cross_fitted_opinions(
    images: pd.DataFrame, features: Mapping[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """What ridge regressions expect of images whose groups they have not seen.

    Args:
        images: training images: path, score and group.
        features: of images by path, each of shape (d,); images without are asked nothing.

    Returns:
        path and score, in the unit of those given; no rows with fewer than three groups.
    """
    known = images[images["path"].isin(list(features))]
    if known["group"].nunique() < _FEWEST:
        return pd.DataFrame({"path": pd.Series(dtype=str), "score": pd.Series(dtype=float)})
    expected = cross_fitted_scores(
        np.stack([features[path] for path in known["path"]]), known["score"], known["group"]
    )
    return pd.DataFrame({"path": known["path"].to_numpy(), "score": expected})


def second_opinion(
    images: pd.DataFrame, opinions: pd.DataFrame, values: Sequence[float], weight: float
) -> SecondOpinion:
    """Opinions of training scores, which count for more the better they are.

    Args:
        images: training images: path and score.
        opinions: of all or some of them, see `cross_fitted_opinions`.
        values: score of each level.
        weight: of opinions that are always right, 0 … 1. The share is this times Pearson's
            correlation, in levels, of scores and opinions.

    Returns:
        No opinion where that correlation is not above 0, or there is none to be had.
    """
    known = images[["path", "score"]].merge(opinions, on="path", suffixes=("", "_expected"))
    opinion, truth = (
        positions(known[name].to_numpy(float), values) for name in ("score_expected", "score")
    )
    if weight == 0 or known.empty or opinion.std() == 0 or truth.std() == 0:
        return NO_OPINION
    agreement = float(np.corrcoef(opinion, truth)[0, 1])
    share = weight * max(agreement, 0.0)
    logger.info(
        "What a ridge regression on the features of %d images expects of those it has not seen "
        "correlates with their scores by %.2f: it counts for %.0f %% in what is learnt.",
        len(known),
        agreement,
        100 * share,
    )
    if share == 0:
        return NO_OPINION
    return SecondOpinion(dict(zip(known["path"], opinion.tolist(), strict=True)), share)
