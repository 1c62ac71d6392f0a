"""Node of merging: how strong the merged update is put on the policy."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pandas as pd

from selfscore.merging.settings import MergeSettings
from selfscore.merging.strength import COLUMNS, Answers, choose
from selfscore.metrics.grouping import units
from selfscore.metrics.resampling import Resampling
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Decoding, Machine
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)


def choose_strength(
    policy: Policy,
    merged_adapter: LoraAdapter,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    consistency_judge: dict[str, Any],
    settings: MergeSettings,
    machine: Machine,
    checkpoint: MutableMapping[str, bytes],
) -> pd.DataFrame:
    """Find the strength of the merge on validation images, see `selfscore.merging.strength`.

    Args:
        policy: the last round's.
        merged_adapter: the merge at strength 1.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        scored_images: of which the split `validation` is read, and no other.
        consistency_judge: state of the judge `tfidf`.
        settings: of the merge; where `lambda` is a number, nothing is measured.
        machine: where the policy is put into memory.
        checkpoint: what was scored and written already.

    Returns:
        One row a strength, see `choose`, one of them chosen: 1 where the validation images cannot
        tell, the weakest where every strength harms the answers.
    """
    if settings.lambda_ != "auto":
        fixed = {"lambda": settings.lambda_, "chosen": True}
        return pd.DataFrame([fixed]).reindex(columns=COLUMNS)

    from selfscore.judging.tfidf import TfidfJudge
    from selfscore.vlm.batches import Part
    from selfscore.vlm.loading.elsewhere import dialled_for
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.writing.prediction import level_probabilities, predict_images

    how = settings.strength
    rows = _spread(scored_images[scored_images["split"] == "validation"], how.images)
    few = _spread(rows, how.texts)
    logger.info(
        "Finding the strength of the merge: %d validation images are scored at %d strengths, and "
        "answers about %d of them are written at two or more.",
        len(rows),
        len(how.candidates),
        len(few),
    )
    at = dialled_for(machine, policy, merged_adapter)
    prompts, levels = policy.card.prompts, policy.card.score_scale.levels
    judge = TfidfJudge(consistency_judge)

    def score(strength: float) -> np.ndarray:
        encoder = ImageEncoder(at(strength), images, image_features)
        kept = Part(checkpoint, f"strength_{strength:g}")
        found = level_probabilities(
            encoder, rows["path"].tolist(), prompts.rating, levels, how.batch_size, kept
        )
        return found @ np.arange(levels)

    def write(strength: float) -> Answers:
        encoder = ImageEncoder(at(strength), images, image_features)
        kept = Part(checkpoint, f"strength_{strength:g}")
        greedy = Decoding(0.0, how.max_new_tokens, how.batch_size)
        keys = few["path"].tolist()
        said = predict_images(encoder, keys, prompts, levels, greedy, seed=0, checkpoint=kept)
        valid = np.array([row.valid for row in said])
        stated = [np.nan if row.emitted_level is None else row.emitted_level for row in said]
        inferred = judge.infer_levels([row.explanation for row in said])
        return Answers(valid, np.array(stated, dtype=float), np.where(valid, inferred, np.nan))

    expected = {value: score(value) for value in how.candidates} if len(rows) else {}
    of_scores, of_texts = (
        Resampling(how.n_resamples, confidence=0.95, seed=0, clusters=units(table["group"]))
        for table in (rows, few)
    )
    chosen, table = choose(expected, rows["score"].to_numpy(), write, of_scores, of_texts)
    return _decided(chosen, table)


def strength_of(merge_strength: pd.DataFrame) -> float:
    """The strength that was chosen."""
    return float(merge_strength.loc[merge_strength["chosen"], "lambda"].iloc[0])


def _decided(chosen: float | None, table: pd.DataFrame) -> pd.DataFrame:
    if chosen is not None:
        logger.info("The merge gets the strength %g.", chosen)
        return table
    if table["srcc"].notna().any():
        value = float(table.loc[table["lambda"] > 0, "lambda"].min())
        logger.warning(
            "At every strength of the merge, answers about validation images broke the format or "
            "fitted their scores less well than before. The weakest is taken, %g. Train with a "
            "lower `dpo_training.lr`, or add a smaller one to `merging.strength.candidates`.",
            value,
        )
    else:
        value = 1.0
        logger.warning(
            "The validation images cannot tell how strong the merge should be: there are fewer "
            "than two, or all have one score. The strength 1 is taken. Give more images the split "
            "`validation`, or set `merging.lambda` to a number."
        )
    if not (table["lambda"] == value).any():
        row = pd.DataFrame([{"lambda": value}]).reindex(columns=COLUMNS)
        table = row if table.empty else pd.concat([table, row], ignore_index=True)
    return table.assign(chosen=table["lambda"] == value)


def _spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows, of all scores alike: every n-th in the order of the scores."""
    ordered = rows.sort_values(["score", "image_id"], kind="stable")
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return ordered.iloc[places].reset_index(drop=True)
