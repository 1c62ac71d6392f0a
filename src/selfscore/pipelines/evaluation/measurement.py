"""Nodes of evaluation: how good each policy is, and what its figures have to be compared with."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics.calibration import calibration_metrics, reliability_curves
from selfscore.metrics.controls import ceiling_metrics, prior_metrics
from selfscore.metrics.policy_metrics import (
    LEVEL_METRICS,
    POOLED,
    SCORE_METRICS,
    policy_metrics_by_group,
)
from selfscore.metrics.resampling import FIGURE_COLUMNS
from selfscore.metrics.shuffling import shuffle_images
from selfscore.pipelines.evaluation.tables import per_policy, resampling

logger = logging.getLogger(__name__)

# What stands for the policy where a figure holds for any of them.
ANY_POLICY = "any"


def measure_policies(
    judgements: pd.DataFrame, score_scale: dict[str, Any], parameters: dict[str, Any], seed: int
) -> pd.DataFrame:
    """Every metric of every policy on every split, with bootstrap intervals.

    Args:
        judgements: one row a policy and image.
        score_scale: `levels`.
        parameters: `group_column`, `min_group`, `calibration_bins`, `resampling_unit`,
            `n_resamples`, `confidence`.
        seed: of the resamples.

    Returns:
        policy, split, group ("all": every image of the split; otherwise a value of
        `group_column`), metric, value, low, high, n. For the metrics see
        `selfscore.metrics.policy_metrics` and, for all images together,
        `selfscore.metrics.calibration.calibration_metrics`.
    """

    def measure(rows: pd.DataFrame) -> pd.DataFrame:
        draws = resampling(rows["group"], parameters, seed)
        figures = policy_metrics_by_group(
            rows,
            score_scale["levels"],
            parameters["group_column"],
            parameters["min_group"],
            draws,
        )
        calibration = calibration_metrics(rows, parameters["calibration_bins"], draws)
        return pd.concat([figures, calibration.assign(group=POOLED)], ignore_index=True)

    metrics = per_policy(judgements, measure)
    _report(metrics)
    return metrics


def measure_reliability(
    judgements: pd.DataFrame, parameters: dict[str, Any], seed: int
) -> pd.DataFrame:
    """How often what a policy holds for so likely comes true, for every policy and split.

    Args:
        judgements: one row a policy and image.
        parameters: `calibration_bins`, `resampling_unit`, `n_resamples`, `confidence`.
        seed: of the resamples.

    Returns:
        policy, split, statement, bin, confidence, frequency, low, high, n; see
        `selfscore.metrics.calibration.reliability_curves`.
    """

    def measure(rows: pd.DataFrame) -> pd.DataFrame:
        draws = resampling(rows["group"], parameters, seed)
        return reliability_curves(rows, parameters["calibration_bins"], draws)

    return per_policy(judgements, measure)


def measure_controls(
    judgements: pd.DataFrame,
    scored_images: pd.DataFrame,
    score_scale: dict[str, Any],
    parameters: dict[str, Any],
    seed: int,
) -> pd.DataFrame:
    """What the policies' figures have to be compared with.

    - `shuffled_images`: the policy shown other pictures than those it is measured on. Its
      correlations must be about 0.
    - `prior`: the best answers that are the same for every image, learnt from the training scores.
    - `ceiling`: a policy that writes the true level of every image. It bounds the written scores,
      the metrics named `…_emitted`.

    Args:
        judgements: one row a policy and image.
        scored_images: of which the training images tell the prior.
        score_scale: `levels` and `values`.
        parameters: `resampling_unit`, `n_resamples`, `confidence`.
        seed: of the permutation and of the resamples.

    Returns:
        policy ("any" for prior and ceiling), split, control, metric, value, low, high, n. The
        metrics are those of the expected score, and of the expected level, and `rps`; the costly
        `kendall` is left out for shuffled images.
    """
    shuffled = per_policy(judgements, lambda rows: _shuffled(rows, parameters, seed))
    training = scored_images[scored_images["split"] == "train"]
    images = judgements.drop_duplicates(["image_id", "split"]).assign(policy=ANY_POLICY)

    def bounds(rows: pd.DataFrame) -> pd.DataFrame:
        draws = resampling(rows["group"], parameters, seed)
        prior = prior_metrics(rows, training, score_scale["levels"], draws)
        ceiling = ceiling_metrics(rows, score_scale["values"], draws)
        return pd.concat([prior.assign(control="prior"), ceiling.assign(control="ceiling")])

    controls = pd.concat([shuffled, per_policy(images, bounds)], ignore_index=True)
    return controls[["policy", "split", "control", "metric", "value", "low", "high", "n"]]


def _shuffled(rows: pd.DataFrame, parameters: dict[str, Any], seed: int) -> pd.DataFrame:
    """Figures of the answers given to other pictures; none for a single image."""
    if len(rows) < 2:
        return pd.DataFrame(columns=["control", *FIGURE_COLUMNS])
    answers = shuffle_images(rows, seed)
    draws = resampling(rows["group"], parameters, seed)
    unit = {name: "score" for name in SCORE_METRICS} | {name: "level" for name in LEVEL_METRICS}
    figures = draws.table(
        (metric, statistic, answers[[f"expected_{unit[metric]}", unit[metric]]])
        for metric, statistic in (SCORE_METRICS | LEVEL_METRICS).items()
        if metric != "kendall"
    )
    calibration = calibration_metrics(answers, parameters["calibration_bins"], draws)
    rps = calibration[calibration["metric"] == "rps"]
    return pd.concat([figures, rps], ignore_index=True).assign(control="shuffled_images")


def _report(metrics: pd.DataFrame) -> None:
    pooled = metrics[metrics["group"] == POOLED]
    for (policy, split), rows in pooled.groupby(["policy", "split"], sort=False):
        figures = rows.set_index("metric")["value"]
        shown = [
            f"{metric} {figures[metric]:.3f}"
            for metric in ("srcc", "consistency", "faithfulness", "format_valid")
            if metric in figures
        ]
        logger.info("'%s' on %s: %s", policy, split, ", ".join(shown))
