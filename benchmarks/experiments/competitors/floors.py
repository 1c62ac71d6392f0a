"""Scores without any training of the model: two floors that give no reasons.

A map from the base model's expected score to the true one that only rises or only falls, and a
ridge regression on all numbers that the frozen tower gives of an image.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, took
from selfscore.metrics.figures import as_figures
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.ridge import predict_scores, ridge_metrics
from selfscore.settings_class import Count, settings_class

Array = NDArray[np.float64]


@settings_class
class FloorSettings:
    """How the floors are fitted.

    Attributes:
        labels: number of training images whose scores the isotonic map is given, beside the one
            that is given all.
    """

    labels: Count


def floors(run: FinishedRun, settings: FloorSettings) -> Measured:
    """The policies `isotonic_few`, `isotonic` and `ridge` of round 0."""
    scored = run.scored_images
    training = scored[scored["split"] == "train"].reset_index(drop=True)
    asked = scored[scored["split"].isin(run.evaluation.splits)].reset_index(drop=True)
    start = time.perf_counter()
    known = expected_levels(run, training["path"].tolist())
    scoring = time.perf_counter() - start
    expected = expected_levels(run, asked["path"].tolist())
    few = np.random.default_rng(run.seed).permutation(len(training))[: settings.labels]
    scores = training["score"].to_numpy(dtype=float)
    found: dict[str, tuple[Array, float]] = {}
    for name, rows in {"isotonic_few": few, "isotonic": np.arange(len(training))}.items():
        start = time.perf_counter()
        predicted = monotone(known[rows], scores[rows], expected)
        found[name] = predicted, scoring + time.perf_counter() - start
    start = time.perf_counter()
    features = {
        path: image.tokens.double().flatten() for path, image in run.features.images.items()
    }
    fitted, others = (
        np.stack([features[path].numpy() for path in table["path"]]) for table in (training, asked)
    )
    found["ridge"] = predict_scores(fitted, scores, others), time.perf_counter() - start
    measured = [
        _measured(run, name, asked, predicted, seconds)
        for name, (predicted, seconds) in found.items()
    ]
    return Measured(
        *(pd.concat(tables, ignore_index=True) for tables in zip(*measured, strict=True))
    )


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
