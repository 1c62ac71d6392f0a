"""Whether the predicted distribution over levels can be believed.

Knows probabilities and true levels; nothing of scores in the user's unit.

Two kinds of statement are checked: "the likeliest level is the true one", and "the true level is
at most k". The second is what an ordered scale asks for: a distribution that is one level off is
wrong in the first sense and nearly right in the second.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import share
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling

TOP_LEVEL = "top_level"
CUMULATIVE = "cumulative"


def ranked_probability_score(probabilities: ArrayLike, levels: ArrayLike) -> NDArray[np.float64]:
    """Squared distance of the predicted from the true cumulative distribution, per image.

    sum over k < L-1 of (P(level <= k) - [true level <= k])^2, divided by L-1: Epstein 1969,
    https://doi.org/10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2, in the form of Murphy 1971.
    It is a proper score: only the distribution one believes in makes it smallest on average.

    Args:
        probabilities: Predicted distributions, shape (n, L) with L >= 2, or (L,) for one that all
            images share.
        levels: True levels in 0..L-1, shape (n,).

    Returns:
        Scores in [0, 1], shape (n,); 0 is certain and right.
    """
    predicted, occurred = _cumulative(np.atleast_2d(np.asarray(probabilities)), levels)
    return np.asarray(((predicted - occurred) ** 2).mean(axis=1))


def calibration_metrics(
    predictions: pd.DataFrame, bins: int, resampling: Resampling
) -> pd.DataFrame:
    """Expected calibration errors and the ranked probability score, with bootstrap intervals.

    `ece` is the mean gap between the probability of the likeliest level and how often that level
    is true, over equally wide bins of probability weighted by their images (Guo et al. 2017,
    arXiv 1706.04599, equation 3). `ece_cumulative` is the same for all statements "at most k".
    `rps` is the mean ranked probability score.

    Chance alone opens gaps between confidence and frequency, so a calibration error of few images
    is too large, and one of resampled images larger still. The interval of the resamples is
    therefore moved to have the value as its median; it tells how far the value would scatter,
    not how much of it is chance.

    Args:
        predictions: One row per image: probabilities (one number per level) and level.
        bins: Number of bins of probability, at least 1.
        resampling: How the rows are resampled.

    Returns:
        Columns metric, value, low, high, n, all figures in [0, 1]; one row each for ece,
        ece_cumulative and rps. NaN for no images.

    Raises:
        ValueError: If a true level lies outside the predicted distribution.
    """
    names = ("ece", "ece_cumulative", "rps")
    n = len(predictions)
    if n == 0:
        empty = {"value": np.nan, "low": np.nan, "high": np.nan, "n": 0}
        return pd.DataFrame([{"metric": metric, **empty} for metric in names])
    probabilities, levels = _read(predictions)
    resampling = resampling.among(predictions.index)
    rows = []
    lower, upper = resampling.tails
    for metric, statement in zip(names, (TOP_LEVEL, CUMULATIVE), strict=False):
        binned = _bin_sums(*_statements(probabilities, levels)[statement], bins)
        value = float(_expected_error(binned.sum(axis=0)))
        resampled = _expected_error(_resampled_bins(binned, resampling))
        low, middle, high = np.quantile(resampled, [lower, 0.5, upper])
        low, high = np.clip([value + low - middle, value + high - middle], 0.0, 1.0)
        rows.append({"metric": metric, "value": value, "low": low, "high": high, "n": n})
    rps = resampling.interval(share, ranked_probability_score(probabilities, levels))
    return pd.DataFrame([*rows, {"metric": "rps", **rps._asdict()}], columns=FIGURE_COLUMNS)


def reliability_curves(
    predictions: pd.DataFrame, bins: int, resampling: Resampling
) -> pd.DataFrame:
    """How often statements of a given probability come true, for a reliability plot.

    Args:
        predictions: One row per image: probabilities (one number per level) and level.
        bins: Number of equally wide bins of probability, at least 1.
        resampling: How the rows are resampled.

    Returns:
        One row per statement and bin that holds predictions: statement ("top_level",
        "cumulative": all "at most k" together, "at_most_0" … "at_most_<L-2>"), bin (0..bins-1),
        confidence (mean predicted probability), frequency (share that came true) with its
        interval low, high, and n (predictions in the bin). A calibrated policy has frequency =
        confidence throughout. Where all or none of a bin came true, resampling knows no other
        outcome: its interval has no width and means little.

    Raises:
        ValueError: If a true level lies outside the predicted distribution.
    """
    columns = ["statement", "bin", "confidence", "frequency", "low", "high", "n"]
    if predictions.empty:
        return pd.DataFrame(columns=columns)
    resampling = resampling.among(predictions.index)
    curves = []
    for statement, (predicted, true) in _statements(*_read(predictions)).items():
        binned = _bin_sums(predicted, true, bins)
        count, confident, right = binned.sum(axis=0).T
        filled = np.flatnonzero(count)
        drawn = _resampled_bins(binned[:, filled], resampling)
        with np.errstate(invalid="ignore"):
            frequencies = drawn[..., 2] / drawn[..., 0]
        # A resample without the bin says nothing of it.
        low, high = np.nanquantile(frequencies, resampling.tails, axis=0)
        curves.append(
            pd.DataFrame(
                {
                    "statement": statement,
                    "bin": filled,
                    "confidence": confident[filled] / count[filled],
                    "frequency": right[filled] / count[filled],
                    "low": low,
                    "high": high,
                    "n": count[filled].astype(int),
                }
            )
        )
    return pd.concat(curves, ignore_index=True)[columns]


# Probabilities of statements about each image and whether they are true, each of shape (n, m).
Forecasts = tuple[NDArray[np.float64], NDArray[np.bool_]]


def _read(predictions: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    probabilities = np.stack([np.asarray(row, dtype=float) for row in predictions["probabilities"]])
    levels = predictions["level"].to_numpy(dtype=np.int64)
    if levels.min() < 0 or levels.max() >= probabilities.shape[1]:
        raise ValueError(
            f"the true levels go from {levels.min()} to {levels.max()}, the predicted "
            f"distributions have the levels 0 to {probabilities.shape[1] - 1}: both must come "
            "from the same score scale"
        )
    return probabilities, levels


def _statements(
    probabilities: NDArray[np.float64], levels: NDArray[np.int64]
) -> dict[str, Forecasts]:
    """What is forecast of each image, by the kind of statement."""
    predicted, occurred = _cumulative(probabilities, levels)
    top = probabilities.argmax(axis=1)
    statements = {
        TOP_LEVEL: (probabilities.max(axis=1, keepdims=True), (top == levels)[:, None]),
        CUMULATIVE: (predicted, occurred),
    }
    for k in range(predicted.shape[1]):
        statements[f"at_most_{k}"] = predicted[:, [k]], occurred[:, [k]]
    return statements


def _cumulative(probabilities: NDArray[np.float64], levels: ArrayLike) -> Forecasts:
    """P(level <= k) and whether level <= k, for all k but the last, whose answer is known."""
    predicted = np.clip(np.cumsum(probabilities, axis=1)[:, :-1], 0.0, 1.0)
    occurred = np.asarray(levels)[:, None] <= np.arange(predicted.shape[1])
    return predicted, occurred


def _bin_sums(
    predicted: NDArray[np.float64], true: NDArray[np.bool_], bins: int
) -> NDArray[np.float64]:
    """Per image and bin: count, sum of confidence, number true; shape (n, bins, 3)."""
    n, m = predicted.shape
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    sums = np.zeros((n, bins, 3))
    values = np.stack([np.ones((n, m)), predicted, true.astype(float)], axis=-1)
    np.add.at(sums, (np.arange(n)[:, None], place), values)
    return sums


def _resampled_bins(binned: NDArray[np.float64], resampling: Resampling) -> NDArray[np.float64]:
    """Totals over the resampled images, shape (resamples, bins, 3)."""
    n, bins, quantities = binned.shape
    totals = resampling.totals(binned.reshape(n, bins * quantities))
    return totals.reshape(-1, bins, quantities)


def _expected_error(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean gap of confidence and frequency; totals (..., bins, 3) → shape (...)."""
    count, confident, right = np.moveaxis(totals, -1, 0)
    return np.asarray(np.abs(confident - right).sum(axis=-1) / count.sum(axis=-1))
