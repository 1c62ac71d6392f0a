"""Nodes of preference building: pairs per expert, and what could be learnt from them blindly."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import pandas as pd

from selfscore.metrics.blind_accuracy import blind_preference_accuracy
from selfscore.pipelines.preference_building.settings import PreferenceBuildingSettings
from selfscore.preference_data.builders import pair_builder
from selfscore.preference_data.level_examples import level_examples
from selfscore.preference_data.no_pairs import why_no_pair
from selfscore.preference_data.pairs import join_sides
from selfscore.preference_data.second_opinion import second_opinion
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)


def build_pairs(generations: pd.DataFrame, seed: int, expert: str) -> pd.DataFrame:
    """The preference pairs one expert is trained on.

    Args:
        generations: what the policy wrote: for two forced levels an image, or, for an expert that
            learns from free texts, one text an image.
        seed: of what the builder draws.
        expert: whose builder is asked.

    Raises:
        ValueError: no pair can be made of the accepted texts, or no builder has the expert's name.
    """
    builder = pair_builder(expert)
    if builder.free_texts:
        texts = generations[generations["accepted"]].reset_index(drop=True)
    else:
        texts = join_sides(generations)
    pairs = builder.build(texts, seed)
    if pairs.empty:
        raise ValueError(why_no_pair(expert, generations, texts))
    return pairs


def build_level_examples(
    policy: Policy,
    scored_images: pd.DataFrame,
    second_opinions: pd.DataFrame,
    generations: pd.DataFrame,
    settings: PreferenceBuildingSettings,
) -> pd.DataFrame:
    """What the level expert is trained on, and the validation images that say for how long.

    Args:
        policy: whose card has the scale.
        scored_images: the true scores.
        second_opinions: what is expected of training images, see `cross_fitted_opinions`.
        generations: what the policy wrote for them.
        settings: of which `ridge_weight` counts.

    Returns:
        See `level_examples`.
    """
    values = policy.card.score_scale.values
    learnt = scored_images[scored_images["split"] == "train"]
    opinion = second_opinion(learnt, second_opinions, values, settings.ridge_weight)
    return level_examples(scored_images, generations, values, opinion)


def weigh_references(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    generations: pd.DataFrame,
    settings: PreferenceBuildingSettings,
    machine: Machine,
    checkpoint: MutableMapping[str, bytes],
    **pairs: pd.DataFrame,
) -> pd.DataFrame:
    """How likely the reference finds every answer of every pair, each computed once.

    Each expert's pairs are inputs of their own, beside what weighing an answer takes.

    The reference of DPO is the policy that wrote the texts, so what it wrote at temperature 1 has
    its log-probability already; the others, such as a text under an overwritten score, are weighed
    in one pass an image.

    Args:
        policy: the reference.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        generations: what the policy wrote, with log_probability.
        settings: of the passes.
        machine: where the policy is put into memory.
        checkpoint: answers that are weighed already.
        pairs: expert name → its pairs.

    Returns:
        One row an answer: path, response, logp (summed over tokens, in nats) and source:
        `generation` or `pass`.
    """
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.reading.log_probabilities import answer_log_probabilities

    sides = [
        table[["path", side]].set_axis(["path", "response"], axis=1)
        for table in pairs.values()
        for side in ("chosen", "rejected")
    ]
    answers = pd.concat(sides).drop_duplicates()
    written = generations[["path", "response", "log_probability"]].dropna()
    answers = answers.merge(written.drop_duplicates(["path", "response"]), how="left")
    answers = answers.rename(columns={"log_probability": "logp"}).assign(source="generation")
    open_ = answers["logp"].isna()
    if open_.any():
        groups = answers[open_].groupby("path", sort=False)["response"].agg(list)
        logger.info("Weighing %d of %d answers of the pairs.", open_.sum(), len(answers))
        weights = answer_log_probabilities(
            ImageEncoder(load_for(machine, policy), images, image_features),
            list(groups.index),
            groups.tolist(),
            policy.card.prompts.rating,
            settings.batch_size,
            checkpoint,
        )
        rows = pd.DataFrame({"path": groups.index, "response": groups.to_numpy(), "logp": weights})
        rows = rows.explode(["response", "logp"]).assign(source="pass")
        answers = pd.concat([answers[~open_], rows.astype({"logp": float})], ignore_index=True)
    return answers


def report_preferences(
    generations: pd.DataFrame, level_examples: pd.DataFrame | None = None, **pairs: pd.DataFrame
) -> dict[str, Any]:
    """Counts of texts and pairs, and the accuracy reachable without looking at the image.

    A preference accuracy in training proves something only by how far it exceeds
    `blind_accuracy`. It is left out where both sides carry the same score: there, the score tells
    nothing.

    Args:
        generations: every text with its gate's verdict.
        level_examples: what the level expert is trained on, if there is one.
        pairs: expert name → its pairs.
    """
    examples = {}
    if level_examples is not None:
        learnt = level_examples[level_examples["split"] == "train"]
        examples["level_examples"] = {
            "images": len(learnt),
            "with_text": int((learnt["response"] != "").sum()),
            "ridge_share": float(learnt["ridge_share"].max()),
        }
    dropped = generations.loc[~generations["accepted"], "reason"].value_counts()
    return {
        "explanations": len(generations),
        "accepted": int(generations["accepted"].sum()),
        "regenerated": int((generations["attempts"] > 1).sum()),
        "dropped": {str(reason): int(count) for reason, count in dropped.items()},
        **examples,
        "pairs": {expert: len(table) for expert, table in pairs.items()},
        "blind_accuracy": {
            expert: blind_preference_accuracy(table["chosen_level"], table["rejected_level"]).value
            for expert, table in pairs.items()
            if (table["chosen_level"] != table["rejected_level"]).all()
        },
    }
