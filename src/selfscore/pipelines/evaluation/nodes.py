"""Nodes of evaluation: predictions per policy, what a judge reads from them, and the figures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore.metrics.intervals import clusters_of
from selfscore.metrics.policy_metrics import policy_metrics
from selfscore.vlm.images import ImageSource
from selfscore.vlm.policy import LoraAdapter, Policy
from selfscore.vlm.response import Prompts

if TYPE_CHECKING:
    from selfscore.vlm.features import StoredFeatures
    from selfscore.vlm.prediction import Prediction

logger = logging.getLogger(__name__)

POOLED = "all"
# All columns of the predictions but the answer itself and its distribution.
_JUDGED_COLUMNS = [
    "policy",
    "image_id",
    "split",
    "group",
    "score",
    "level",
    "valid",
    "emitted_level",
    "emitted_score",
    "expected_level",
    "expected_score",
]


def predict(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    score_scale: dict[str, Any],
    parameters: dict[str, Any],
    prompts: dict[str, str],
    seed: int,
    name: str,
    adapter: LoraAdapter | None = None,
) -> pd.DataFrame:
    """Score and explain every image of the evaluated splits with one policy.

    Args:
        policy: the policy.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        scored_images: which image is in which split, and its true score and level.
        score_scale: turns levels into the user's unit.
        parameters: `splits` and `decoding`.
        prompts: the instructions.
        seed: of the sampling, where `decoding.temperature` is above 0.
        name: what the policy is called in the tables.
        adapter: an expert's adapter on top of the policy.

    Returns:
        One row an image: policy, image_id, split, group, score, level, response, valid,
        emitted_level and emitted_score (missing when not valid), expected_level, expected_score,
        probabilities (one number a level), explanation. Scores are in the user's unit.

    Raises:
        ValueError: no image is in the splits asked for.
    """
    from selfscore.vlm.decoding import Decoding
    from selfscore.vlm.features import ImageEncoder
    from selfscore.vlm.loading import load_vlm
    from selfscore.vlm.prediction import predict as predict_images

    rows = scored_images[scored_images["split"].isin(parameters["splits"])].reset_index(drop=True)
    if rows.empty:
        raise ValueError(
            f"No image is in the splits {parameters['splits']} that `evaluation.splits` asks for: "
            f"there are {sorted(scored_images['split'].unique())}."
        )
    logger.info("Scoring and explaining %d images with the policy '%s'.", len(rows), name)
    predictions = predict_images(
        ImageEncoder(load_vlm(policy, [adapter] if adapter else []), images, image_features),
        rows["path"].tolist(),
        Prompts(**prompts),
        score_scale["levels"],
        Decoding(**parameters["decoding"]),
        seed,
    )
    return tabulate_predictions(rows, predictions, score_scale, name)


def tabulate_predictions(
    rows: pd.DataFrame, predictions: list[Prediction], score_scale: dict[str, Any], name: str
) -> pd.DataFrame:
    """The table of predictions, in levels and in the user's unit; see `predict`.

    Args:
        rows: the scored images predicted, in the order of `predictions`.
        predictions: what the policy said of each.
        score_scale: `values` holds the score each level stands for.
        name: what the policy is called.
    """
    values = np.asarray(score_scale["values"], dtype=np.float64)
    probabilities = np.stack([row.probabilities for row in predictions])
    emitted = pd.array([row.emitted_level for row in predictions], dtype="Int64")
    emitted_scores = [
        pd.NA if row.emitted_level is None else float(values[row.emitted_level])
        for row in predictions
    ]
    valid = [row.valid for row in predictions]
    if not any(valid):
        logger.warning(
            "The policy '%s' never kept the response format in %d answers, for example %r. Its "
            "emitted scores and its explanations are not measured. Train with a lower "
            "`dpo_training.lr` or a higher `dpo_training.rpo_alpha`, or choose a model that "
            "follows the prompts.",
            name,
            len(rows),
            predictions[0].response,
        )
    table = rows[["image_id", "split", "group", "score", "level"]].copy()
    table.insert(0, "policy", name)
    return table.assign(
        response=[row.response for row in predictions],
        valid=valid,
        emitted_level=emitted,
        emitted_score=pd.array(emitted_scores, dtype="Float64"),
        expected_level=probabilities @ np.arange(len(values)),
        expected_score=probabilities @ values,
        probabilities=list(probabilities),
        explanation=[row.explanation for row in predictions],
    )


def judge_explanations(
    judge: dict[str, Any],
    severities: pd.DataFrame,
    statement_lexicon: list[dict[str, Any]],
    parameters: dict[str, Any],
    *predictions: pd.DataFrame,
) -> pd.DataFrame:
    """What the explanations alone tell: the level they sound like, and whether they are true.

    The judge reads the explanation without the score, and never sees the picture. Faithfulness
    needs pictures whose faults are known, as the demo's are; for all others `severities` has no
    row, and it is not measured. `evaluation.faithfulness: false` leaves it out altogether.

    Args:
        judge: the frozen consistency judge.
        severities: image_id and one column an attribute, 0 (no fault) to 1 (worst).
        statement_lexicon: the statements whose truth can be checked.
        parameters: `faithfulness`.
        predictions: one table a policy.

    Returns:
        All predictions without the answers' text, with inferred_level (missing when not valid)
        and faithfulness (missing when not valid, without a known statement, or not measured).
    """
    from selfscore.judging.tfidf import infer_levels

    table = pd.concat(predictions, ignore_index=True)
    valid = table["valid"].to_numpy(dtype=bool)
    inferred = np.full(len(table), np.nan)
    inferred[valid] = infer_levels(judge, table.loc[valid, "explanation"].tolist())
    faithful = np.full(len(table), np.nan)
    if parameters["faithfulness"]:
        lexicon = StatementLexicon(statement_lexicon)
        known = {
            str(image_id): {str(name): float(value) for name, value in row.items()}
            for image_id, row in severities.set_index("image_id").iterrows()
        }
        for row in np.flatnonzero(valid & table["image_id"].isin(list(known)).to_numpy()):
            share = faithfulness(
                table["explanation"].iloc[row], known[table["image_id"].iloc[row]], lexicon
            )
            faithful[row] = np.nan if share is None else share
    return table[_JUDGED_COLUMNS].assign(inferred_level=inferred, faithfulness=faithful)


def measure_policies(
    judgements: pd.DataFrame, score_scale: dict[str, Any], parameters: dict[str, Any], seed: int
) -> pd.DataFrame:
    """Every metric of every policy on every split, with bootstrap intervals.

    Args:
        judgements: one row a policy and image.
        score_scale: `levels`.
        parameters: `resampling_unit`, `n_resamples`, `confidence`, `min_format_valid`.
        seed: of the resamples.

    Returns:
        policy, split, group ("all": every image of the split), metric, value, low, high, n; see
        `selfscore.metrics.policy_metrics` for the metrics.
    """
    tables = []
    for names, rows in judgements.groupby(["policy", "split"], sort=False):
        policy, split = map(str, names)
        metrics = policy_metrics(
            rows,
            score_scale["levels"],
            clusters=clusters_of(rows["group"], parameters["resampling_unit"]),
            n_resamples=parameters["n_resamples"],
            confidence=parameters["confidence"],
            seed=seed,
        )
        metrics.insert(0, "policy", policy)
        metrics.insert(1, "split", split)
        metrics.insert(2, "group", POOLED)
        tables.append(metrics)
        _report(policy, split, metrics, parameters["min_format_valid"])
    return pd.concat(tables, ignore_index=True)


def _report(policy: str, split: str, metrics: pd.DataFrame, min_format_valid: float) -> None:
    figures = metrics.set_index("metric")["value"]
    shown = [
        f"{metric} {figures[metric]:.3f}"
        for metric in ("srcc", "consistency", "faithfulness", "format_valid")
        if metric in figures
    ]
    logger.info("'%s' on %s: %s", policy, split, ", ".join(shown))
    if figures["format_valid"] < min_format_valid:
        logger.warning(
            "'%s' keeps the response format in only %.1f %% of its answers on %s "
            "(`evaluation.min_format_valid` is %.1f %%): its explanations degrade. Train with "
            "a lower `dpo_training.lr` or a higher `dpo_training.rpo_alpha`.",
            policy,
            100 * figures["format_valid"],
            split,
            100 * min_format_valid,
        )
