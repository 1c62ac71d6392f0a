"""Nodes of evaluation: what each policy says of the images it was not trained on."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from selfscore.configuration.splits import check_evaluated
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Decoding, Machine
from selfscore.vlm.policy import LoraAdapter, Policy, ScoreScale

if TYPE_CHECKING:
    from selfscore.vlm.writing.prediction import Prediction

logger = logging.getLogger(__name__)

_UNTRAINED_ADVICE = "Choose a model that follows the prompts"
_FORMAT_ADVICE = (
    "Where the base model keeps it, train with a lower `dpo_training.lr` or a higher "
    "`dpo_training.rpo_alpha`; else choose a model that follows the prompts"
)


def predict(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    settings: EvaluationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
    name: str,
    adapter: LoraAdapter | None = None,
) -> pd.DataFrame:
    """Score and explain every image of the evaluated splits with one policy.

    Args:
        policy: the policy.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        scored_images: which image is in which split, and its true score and level.
        settings: of which `splits` and `decoding` count.
        machine: where the policy is put into memory, and who writes.
        seed: of the sampling, where `decoding.temperature` is above 0.
        checkpoint: what the policy has said already.
        name: what the policy is called in the tables.
        adapter: an expert's adapter on top of the policy.

    Returns:
        One row an image: round, policy, image_id, split, group, score, level, response, valid,
        emitted_level and emitted_score (missing when not valid), expected_level, expected_score,
        probabilities (one number a level), explanation. Scores are in the user's unit.

    Raises:
        ValueError: no image is in one of the splits asked for.
    """
    check_evaluated(settings.splits, set(scored_images["split"]))
    rows = scored_images[scored_images["split"].isin(settings.splits)].reset_index(drop=True)
    if policy.card.iteration == 0 and adapter is None:  # Said once for all policies.
        logger.info("Scoring and explaining %d images with every policy.", len(rows))
    adapters = [adapter] if adapter else []
    predictions = answers(
        policy,
        adapters,
        images,
        image_features,
        rows["path"].tolist(),
        settings.decoding,
        machine,
        seed,
        checkpoint,
    )
    number = policy.card.iteration + (adapter is not None)
    return tabulate_predictions(rows, predictions, policy.card.score_scale, name, number)


def answers(
    policy: Policy,
    adapters: Sequence[LoraAdapter],
    images: ImageSource,
    image_features: StoredFeatures,
    keys: Sequence[str],
    decoding: Decoding,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> list[Prediction]:
    """What a policy says of the images named by `keys`, in their order.

    Args:
        policy: the policy.
        adapters: on top of it.
        images: pictures by key.
        image_features: what the tower makes of them, as far as it is stored.
        keys: the images.
        decoding: of the texts.
        machine: where the policy is put into memory, and who writes.
        seed: of the sampling.
        checkpoint: what the policy has said already.
    """
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.writing.backends import writer
    from selfscore.vlm.writing.prediction import (
        level_probabilities,
        predict_images,
        predict_texts,
    )

    asked, levels = policy.card.prompts, policy.card.score_scale.levels
    encoder = ImageEncoder(load_for(machine, policy, adapters), images, image_features)
    if machine.generation.backend == "transformers":
        return predict_images(encoder, keys, asked, levels, decoding, seed, checkpoint)
    # The distributions come from transformers all the same, so that scores never depend on who
    # writes the texts. Its model makes room before the other one comes.
    probabilities = level_probabilities(
        encoder, keys, asked.rating, levels, decoding.batch_size, checkpoint
    )
    del encoder
    write = writer(machine, policy, images, image_features, adapters)
    return predict_texts(write, keys, asked, probabilities, decoding, seed, checkpoint)


def tabulate_predictions(
    rows: pd.DataFrame, predictions: list[Prediction], scale: ScoreScale, name: str, number: int
) -> pd.DataFrame:
    """The table of predictions, in levels and in the user's unit; see `predict`.

    Args:
        rows: the scored images predicted, in the order of `predictions`.
        predictions: what the policy said of each.
        scale: the policy's.
        name: what the policy is called.
        number: its round; 0 is the baseline.
    """
    values = np.asarray(scale.values, dtype=np.float64)
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
            "emitted scores and its explanations are not measured. %s.",
            name,
            len(rows),
            predictions[0].response,
            _FORMAT_ADVICE if number else _UNTRAINED_ADVICE,
        )
    table = rows[["image_id", "split", "group", "score", "level"]].copy()
    table.insert(0, "round", number)
    table.insert(1, "policy", name)
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
