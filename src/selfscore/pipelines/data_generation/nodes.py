"""Nodes of data generation: which levels to force, and the explanations written for them."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from selfscore.pipelines.data_generation.settings import DataGenerationSettings
from selfscore.preference_data.wrong_levels import draw_wrong_levels, widest_radius
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy
from selfscore.vlm.response import parse_response, response_prefix

if TYPE_CHECKING:
    from selfscore.vlm.writing.generation import Request

logger = logging.getLogger(__name__)

# Side of the texts that are written without a forced level.
FREE = "free"

_IMAGE = ["image_id", "path", "split", "group"]


def force_levels(
    policy: Policy,
    scored_images: pd.DataFrame,
    settings: DataGenerationSettings,
    seed: int,
) -> pd.DataFrame:
    """The two levels every training image is to be explained with.

    Returns:
        Two rows an image: image_id, path, split, group, side (`chosen` with the true level,
        `rejected` with a wrong one), level.
    """
    train = scored_images[scored_images["split"] == "train"].reset_index(drop=True)
    true = train["level"].to_numpy(dtype=np.int64)
    radius = min(settings.exclusion_radius, widest_radius(true))
    if radius < settings.exclusion_radius:
        logger.info(
            "Wrong levels lie further than %d from the true one, and not %d as set: there are only "
            "%d levels.",
            radius,
            settings.exclusion_radius,
            policy.card.score_scale.levels,
        )
    wrong = draw_wrong_levels(
        true,
        policy.card.score_scale.levels,
        radius,
        settings.wrong_level,
        np.random.default_rng([seed, settings.exclusion_radius]),
    )
    sides = [
        train[_IMAGE].assign(side=side, level=level)
        for side, level in (("chosen", true), ("rejected", wrong))
    ]
    return pd.concat(sides, ignore_index=True)


def explain_forced_levels(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    forced_levels: pd.DataFrame,
    settings: DataGenerationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> pd.DataFrame:
    """Let the policy explain each image with each forced level, and gate what it writes.

    A text that fails a gate is written again with another random stream, at most `max_attempts`
    times, and then stays in the table with its reason and `accepted` False. Texts that are in
    `checkpoint` are not written again. A row whose side is `free` has no forced level.

    Returns:
        `forced_levels` with response, explanation, attempts, accepted, reason and log_probability:
        that of the response under the rating prompt, where writing it has told it.

    Raises:
        ValueError: fewer than `min_accepted` of the texts pass, so the policy cannot teach itself.
    """
    from selfscore.vlm.writing.backends import writer

    rows, prompts = forced_levels, policy.card.prompts
    levels = policy.card.score_scale.levels
    logger.info(
        "Writing %d explanations of %d images with %s.",
        len(rows),
        rows["image_id"].nunique(),
        policy.base_model,
    )
    rows = rows.assign(response="", attempts=0, reason="malformed", log_probability=np.nan)
    write = writer(machine, policy, images, image_features)
    for attempt in range(settings.max_attempts):
        again = rows.index[rows["reason"] != ""]
        if again.empty:
            break
        requests = [
            _request(row, settings.conditioning, policy, seed, attempt)
            for row in rows.loc[again].itertuples()
        ]
        description = "explaining" if attempt == 0 else f"explaining again, attempt {attempt + 1}"
        written = write(requests, settings.decoding, description, checkpoint)
        rows.loc[again, "response"] = [row.text for row in written]
        rows.loc[again, "log_probability"] = [
            np.nan
            if row.log_probability is None or request.instruction != prompts.rating
            else row.log_probability
            for row, request in zip(written, requests, strict=True)
        ]
        rows.loc[again, "attempts"] += 1
        rows["reason"] = settings.gates.reasons(rows["response"].tolist(), levels)
    return _accept(rows, levels, settings.min_accepted)


def explain_freely(
    policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    settings: DataGenerationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> pd.DataFrame:
    """Let the policy score and explain each training image as it likes, and gate what it writes.

    Returns:
        One row a training image, with the columns of `explain_forced_levels`; side is `free`, and
        level the one that the policy gave, missing where no answer kept the format.

    Raises:
        ValueError: fewer than `min_accepted` of the texts pass.
    """
    train = scored_images[scored_images["split"] == "train"].reset_index(drop=True)
    rows = train[_IMAGE].assign(side=FREE)
    written = explain_forced_levels(
        policy, images, image_features, rows, settings, machine, seed, checkpoint
    )
    levels = policy.card.score_scale.levels
    given = [parse_response(response, levels) for response in written["response"]]
    return written.assign(
        level=pd.array([answer.level if answer else pd.NA for answer in given], dtype="Int64")
    )


def _request(row: Any, conditioning: str, policy: Policy, seed: int, attempt: int) -> Request:
    from selfscore.vlm.writing.generation import Request
    from selfscore.vlm.writing.sampling import row_seed

    prompts = policy.card.prompts
    instruction, start = prompts.rating, ""
    if row.side != FREE:
        start = response_prefix(row.level)
        if conditioning == "instruction":
            instruction = prompts.justify.format(level=row.level)
    return Request(
        image=row.path,
        instruction=instruction,
        response_start=start,
        seed=row_seed(seed, policy.card.iteration, row.image_id, row.side, attempt),
    )


def _accept(rows: pd.DataFrame, levels: int, min_accepted: float) -> pd.DataFrame:
    parsed = [parse_response(response, levels) for response in rows["response"]]
    rows = rows.assign(
        explanation=[row.explanation if row else "" for row in parsed],
        accepted=rows["reason"] == "",
    )
    reasons = rows.loc[~rows["accepted"], "reason"].value_counts()
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none"
    logger.info(
        "%d of %d explanations accepted; dropped: %s.", rows["accepted"].sum(), len(rows), counted
    )
    if rows["accepted"].mean() < min_accepted:
        example = rows.loc[~rows["accepted"], "response"].iloc[0]
        raise ValueError(
            f"Only {rows['accepted'].mean():.0%} of the explanations pass the quality gates "
            f"(dropped: {counted}), for example {example!r}. `data_generation.min_accepted` asks "
            f"for {min_accepted:.0%}: choose a model that follows the response format, adapt the "
            "`prompts`, or relax `data_generation.gates`."
        )
    return rows
