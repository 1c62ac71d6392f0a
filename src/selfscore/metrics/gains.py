"""What a policy gained over the base model on the same images."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import Resampling


def srcc_gain(
    judgements: pd.DataFrame, base_judgements: pd.DataFrame, resampling: Resampling
) -> pd.DataFrame:
    """Difference of two policies' rank correlations with the true scores, images drawn jointly.

    Both policies are measured on each resample, so the luck of the images cancels and the
    interval is the one of the difference, which two separate intervals do not give.

    Args:
        judgements: One row per image with image_id, score, expected_score.
        base_judgements: The same for the base model; images in only one table are left out.
        resampling: How the rows of `judgements` are resampled.

    Returns:
        One row, metric "srcc_gain", with value, low, high in [-2, 2] and n images.
    """
    both = judgements[["image_id", "score", "expected_score"]].reset_index(names="row")
    both = both.merge(
        base_judgements[["image_id", "expected_score"]],
        on="image_id",
        suffixes=("", "_base"),
        validate="one_to_one",
    ).set_index("row")
    columns = both[["expected_score", "expected_score_base", "score"]]
    return resampling.table([("srcc_gain", _difference, columns)])


def _difference(
    predicted: NDArray[np.float64], base: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(srcc(predicted, true) - srcc(base, true))
