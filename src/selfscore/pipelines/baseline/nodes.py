"""Nodes of the baseline: the base model's card, and the judge of consistency."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pandas as pd

from selfscore.configuration.domain import Domain
from selfscore.configuration.splits import SEEN
from selfscore.faithfulness.edits import EditedPictures
from selfscore.metrics.faithfulness import StatementLexicon
from selfscore.pipelines.baseline.settings import ImageFeaturesSettings
from selfscore.pipelines.evaluation.counterfactual import edits_asked
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.preference_data.second_opinion import cross_fitted_opinions
from selfscore.scored_images.attributes import attributes_of
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.loading.content import content_of
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import BaseModel, Card, Policy, ScoreScale
from selfscore.vlm.response import Prompts

logger = logging.getLogger(__name__)


def describe_base_policy(
    model: BaseModel, score_scale: dict[str, Any], prompts: Prompts, domain: Domain
) -> Policy:
    """`policy_0`: the base model alone.

    Args:
        model: the base model.
        score_scale: level → score table that every later policy is trained with.
        prompts: the instructions every later policy is trained with, for any number of levels.
        domain: what is scored.
    """
    scale = ScoreScale(**score_scale)
    asked = prompts.for_levels(scale.levels)
    numbers = re.findall(r"\d+", f"{asked.rating} {asked.justify}")
    if any(int(number) >= scale.levels for number in numbers):
        logger.warning(
            "The prompts speak of %s, but the levels are 0 to %d: write {best} for the highest of "
            "them in `prompts`.",
            max(numbers, key=int),
            scale.levels - 1,
        )
    card = Card(
        base_model=model,
        iteration=0,
        parent=None,
        score_scale=scale,
        prompts=asked,
        domain=domain,
    )
    base = card.base_model
    return Policy(card, base_content=content_of(base.id, base.revision))


def encode_images(
    policy: Policy,
    images: ImageSource,
    scored_images: pd.DataFrame,
    evaluated: list[str],
    settings: ImageFeaturesSettings,
    machine: Machine,
    checkpoint: MutableMapping[str, bytes],
) -> StoredFeatures:
    """Run the base model's tower once over every image that is used, for all that comes after.

    Args:
        policy: the base model.
        images: pictures by path.
        scored_images: the images; training images come first where not all can be kept.
        evaluated: the splits that policies are evaluated on; of others nothing is asked.
        settings: how many features are kept.
        machine: where the model is put into memory, and who computes.
        checkpoint: features that are computed already.
    """
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import store_features
    from selfscore.vlm.reading.tokens import check_prompts

    used = scored_images[scored_images["split"].isin([*SEEN, *evaluated])]
    training_first = used["split"].ne("train").sort_values(kind="stable").index
    paths = used.loc[training_first, "path"].tolist()
    logger.info("Encoding %d images with the tower of %s.", len(paths), policy.base_model)
    vlm = load_for(machine, policy)
    # All that follows asks this model in this way; encoding alone can take hours.
    check_prompts(vlm, policy.card.prompts, policy.card.score_scale.levels)
    return store_features(
        vlm,
        images,
        paths,
        settings.batch_size,
        settings.max_gb * 1e9,
        checkpoint,
    )


def encode_edits(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    evaluation: EvaluationSettings,
    settings: ImageFeaturesSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> StoredFeatures:
    """Run the base model's tower once over every edited picture that policies are asked about.

    Args:
        policy: the base model.
        images: pictures by path, as they are.
        image_features: of these. They come first, so that a picture that the model's processor
            does not take is called by its own name.
        scored_images: which images are validation images.
        evaluation: which of them are edited, and how.
        settings: how many features are kept.
        machine: where the model is put into memory, and who computes.
        seed: of the sample, and of the noise's grain.
        checkpoint: features that are computed already.

    Returns:
        Features by the keys of the edits; none where nothing is edited.
    """
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import store_features

    _, edits = edits_asked(scored_images, evaluation, seed)
    if not edits:
        return replace(image_features, images={})
    return store_features(
        load_for(machine, policy),
        EditedPictures(images, edits, seed),
        [edit.key for edit in edits],
        settings.batch_size,
        settings.max_gb * 1e9,
        checkpoint,
    )


def form_second_opinions(
    scored_images: pd.DataFrame, image_features: StoredFeatures
) -> pd.DataFrame:
    """What the features of other training images let one expect of each, for the expert `level`.

    Args:
        scored_images: the images; those of the split `train` are asked about.
        image_features: what the tower makes of them, as far as it is stored.

    Returns:
        See `cross_fitted_opinions`.
    """
    learnt = scored_images[scored_images["split"] == "train"]
    stored = image_features.images
    pooled = {path: stored[path].pooled for path in learnt["path"] if path in stored}
    return cross_fitted_opinions(learnt, pooled)


def fit_consistency_judge(policy: Policy, generations: pd.DataFrame, seed: int) -> dict[str, Any]:
    """A text-only judge that infers the level an explanation was written for.

    Fitted on the base model's accepted texts with forced levels, right and wrong ones, so that it
    cannot know which level is true of an image.
    """
    from selfscore.judging.tfidf import fit_judge

    accepted = generations[generations["accepted"]]
    judge = fit_judge(
        accepted["explanation"].tolist(),
        accepted["level"].tolist(),
        accepted["image_id"].tolist(),
        n_levels=policy.card.score_scale.levels,
        seed=seed,
    )
    logger.info(
        "The consistency judge was fitted on %d explanations; SRCC %.3f on those held out.",
        len(accepted),
        judge["held_out"]["srcc"],
    )
    return judge


def match_attributes(
    scored_images: pd.DataFrame,
    severities: pd.DataFrame,
    statement_lexicon: list[dict[str, Any]],
) -> pd.DataFrame:
    """Find out which attributes are known of which image, before anything that takes long.

    Args:
        scored_images: the images.
        severities: Columns image_id and one an attribute, see `AttributesDataset`.
        statement_lexicon: The statements whose truth the attributes tell.

    Returns:
        image_id and the attributes, of the images of which they are known.

    Raises:
        ValueError: If the lexicon is about attributes that are not in the table.
    """
    known = attributes_of(scored_images["path"].tolist(), severities)
    names = [name for name in severities if name != "image_id"]
    if known.empty:
        logger.info(
            "No image is in the table of attributes (`truth.severities`), so statements of texts "
            "are not checked."
        )
        return pd.DataFrame(columns=["image_id", *names])
    unknown = StatementLexicon(statement_lexicon).attributes - set(names)
    if unknown:
        raise ValueError(
            f"The statement lexicon is about {', '.join(sorted(unknown))}, which the table of "
            f"attributes does not have: its columns are {', '.join(map(str, names))}. Name the "
            "lexicon for this table as `truth.lexicon` in conf/base/globals.yml."
        )
    logger.info(
        "Statements of texts are checked on %d of %d images, by %s.",
        len(known),
        len(scored_images),
        ", ".join(map(str, names)),
    )
    ids = scored_images.set_index("path")["image_id"]
    return known.assign(image_id=known["path"].map(ids))[["image_id", *names]]
