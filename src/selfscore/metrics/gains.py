"""What a policy gained over the base model on the same images."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.intervals import bootstrap
from selfscore.metrics.rank_correlation import srcc


def srcc_gain(
    judgements: pd.DataFrame,
    base_judgements: pd.DataFrame,
    *,
    clusters: pd.Series | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Difference of two policies' rank correlations with the true scores, images drawn jointly.

    Both policies are measured on each resample, so the luck of the images cancels and the
    interval is the one of the difference, which two separate intervals do not give.

    Args:
        judgements: One row per image with image_id, score, expected_score.
        base_judgements: The same for the base model; images in only one table are left out.
        clusters: Cluster of each row of `judgements`, see `policy_metrics`.
        n_resamples: Bootstrap resamples.
        confidence: Share of resamples the interval covers.
        seed: Seed of the resamples.

    Returns:
        One row, metric "srcc_gain", with value, low, high in [-2, 2] and n images.
    """
    labels = judgements["image_id"] if clusters is None else clusters
    both = judgements[["image_id", "score", "expected_score"]].assign(cluster=labels)
    both = both.merge(
        base_judgements[["image_id", "expected_score"]],
        on="image_id",
        suffixes=("", "_base"),
        validate="one_to_one",
    )
    interval = bootstrap(
        _difference,
        both["expected_score"].to_numpy(),
        both["expected_score_base"].to_numpy(),
        both["score"].to_numpy(),
        clusters=both["cluster"].to_numpy(),
        n_resamples=n_resamples,
        confidence=confidence,
        seed=seed,
    )
    return pd.DataFrame([{"metric": "srcc_gain", **interval._asdict()}])


def _difference(
    predicted: NDArray[np.float64], base: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(srcc(predicted, true) - srcc(base, true))
