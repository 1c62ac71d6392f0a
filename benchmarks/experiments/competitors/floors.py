"""Scores without any training of the model: three floors that give no reasons, and chance.

A map from the base model's expected score to the true one that only rises or only falls, and a
linear ridge regression on all numbers that the frozen tower gives of an image; on shuffled scores
it says how far from 0 chance alone takes a rank correlation. And a ridge regression with a Gaussian
kernel on the mean and the spread of an image's tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, took
from selfscore.configuration.settings_class import Count, settings_class
from selfscore.metrics.figures import as_figures
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.ridge import predict_scores, ridge_metrics
from selfscore.vlm.image_features import ImageFeatures

Array = NDArray[np.float64]


@settings_class
class FloorSettings:
    """How the floors are fitted.

    Attributes:
        labels: number of training images whose scores the isotonic map is given, beside the one
            that is given all.
        shuffles: number of times that the regression is fitted on shuffled scores.
    """

    labels: Count
    shuffles: Count


def floors(run: FinishedRun, settings: FloorSettings) -> Measured:
    """What stands beside a trained policy, as policies of round 0.

    Returns:
        `isotonic_few`, `isotonic`, `ridge`, `kernel_ridge` and `ridge_shuffled`; of the last the
        mean SRCC only, between the 2.5 % and 97.5 % quantiles of the shuffles.
    """
    scored = run.scored_images
    training = scored[scored["split"] == "train"].reset_index(drop=True)
    asked = scored[scored["split"].isin(run.evaluation.splits)].reset_index(drop=True)
    start = time.process_time()
    known = expected_levels(run, training["path"].tolist())
    scoring = time.process_time() - start
    expected = expected_levels(run, asked["path"].tolist())
    few = np.random.default_rng(run.seed).permutation(len(training))[: settings.labels]
    scores = training["score"].to_numpy(dtype=float)
    found: dict[str, tuple[Array, float]] = {}
    for name, rows in {"isotonic_few": few, "isotonic": np.arange(len(training))}.items():
        start = time.process_time()
        predicted = monotone(known[rows], scores[rows], expected)
        found[name] = predicted, scoring + time.process_time() - start
    stored = run.features.images

    def both(of: Callable[[ImageFeatures], torch.Tensor]) -> tuple[Array, Array]:
        learnt, others = (
            np.stack([of(stored[path]).flatten().numpy() for path in some["path"]])
            for some in (training, asked)
        )
        return learnt, others

    start = time.process_time()
    fitted, others = both(lambda image: image.tokens.double().flatten())
    found["ridge"] = predict_scores(fitted, scores, others), time.process_time() - start
    start = time.process_time()
    pooled, of_others = both(lambda image: torch.stack(torch.std_mean(image.tokens.double(), 0)))
    found["kernel_ridge"] = kernel_ridge(pooled, scores, of_others), time.process_time() - start
    measured = [
        _measured(run, name, asked, predicted, seconds)
        for name, (predicted, seconds) in found.items()
    ]
    chance = by_chance(fitted, scores, others, asked, settings.shuffles, run.seed)
    figures = as_figures(chance, round=0, policy="ridge_shuffled")
    measured.append(Measured(figures, measured[0].judgements.iloc[:0]))
    return Measured(
        *(pd.concat(tables, ignore_index=True) for tables in zip(*measured, strict=True))
    )


def kernel_ridge(features: Array, scores: Array, others: Array) -> Array:
    """Scores of other images by a ridge regression with a Gaussian kernel, exp(-|x - y|² / 4d).

    Its strength is chosen by leave-one-out error. Every training image is a landmark of Nyström's
    approximation (Williams & Seeger, NIPS 2000), which is exact then.

    Args:
        features: of the training images, shape (m, d).
        scores: theirs, shape (m,).
        others: features of the images to score, shape (n, d).

    Returns:
        Shape (n,), in the unit of the scores given.
    """
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    images, numbers = features.shape
    kernel = Nystroem(gamma=1 / (4 * numbers), n_components=images, random_state=0)
    model = make_pipeline(StandardScaler(), kernel, RidgeCV(np.logspace(-3, 3, 25)))
    return np.asarray(model.fit(features, scores).predict(others), dtype=np.float64)


def by_chance(
    fitted: Array, scores: Array, others: Array, asked: pd.DataFrame, shuffles: int, seed: int
) -> pd.DataFrame:
    """SRCC on other images of regressions on shuffled scores.

    Args:
        fitted: features of the training images, shape (m, d).
        scores: theirs, shape (m,).
        others: features of the other images, shape (n, d).
        asked: the other images, columns split and score, n rows.
        shuffles: number of regressions, at least 2.
        seed: of the shuffles.

    Returns:
        Columns split, metric, value (mean), low and high (2.5 % and 97.5 % of the shuffles) and n.
    """
    draws = np.random.default_rng(seed)
    predicted = [predict_scores(fitted, draws.permutation(scores), others) for _ in range(shuffles)]
    rows = []
    for split, images in asked.groupby("split", sort=False):
        found = [srcc(one[images.index], images["score"]) for one in predicted]
        low, high = np.quantile(found, [0.025, 0.975])
        rows.append((split, "srcc", np.mean(found), low, high, len(images)))
    return pd.DataFrame(rows, columns=["split", "metric", "value", "low", "high", "n"])


def monotone(expected: ArrayLike, scores: ArrayLike, others: ArrayLike) -> Array:
    """Scores of other images by a map that only rises or only falls, whichever fits (isotonic).

    Args:
        expected: the model's expected levels of the images with a known score, shape (m,).
        scores: theirs, shape (m,).
        others: the model's expected levels of the images to score, shape (n,).

    Returns:
        Shape (n,), in the unit of the scores given; beyond what it was fitted on, the nearest.
    """
    from sklearn.isotonic import IsotonicRegression

    rises = not srcc(expected, scores) < 0
    fitted = IsotonicRegression(increasing=rises, out_of_bounds="clip").fit(expected, scores)
    return np.asarray(fitted.predict(np.asarray(others)), dtype=np.float64)


def expected_levels(run: FinishedRun, paths: list[str]) -> Array:
    """What the base model expects of images, in levels, shape (n,)."""
    from selfscore.vlm.loading.loader import load_vlm
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.writing.prediction import level_probabilities

    policy = run.base_policy
    encoder = ImageEncoder(load_vlm(policy, options=run.machine.loading), run.images, run.features)
    rating, levels = policy.card.prompts.rating, policy.card.score_scale.levels
    size = run.evaluation.decoding.batch_size
    found = level_probabilities(encoder, paths, rating, levels, size)
    return np.asarray(found @ np.arange(levels), dtype=np.float64)


def _measured(
    run: FinishedRun, name: str, images: pd.DataFrame, predicted: Array, seconds: float
) -> Measured:
    values = run.base_policy.card.score_scale.values
    tables = [took(seconds, 0, name)]
    for split, rows in images.groupby("split", sort=False):
        draws = run.evaluation.resampling(rows["group"], run.seed)
        figures = ridge_metrics(predicted[rows.index], rows, values, draws)
        tables.append(as_figures(figures, round=0, policy=name, split=str(split)))
    judgements = images[["image_id", "split", "group", "score"]].assign(
        round=0, policy=name, expected_score=predicted
    )
    return Measured(pd.concat(tables, ignore_index=True), judgements)
