"""Nodes of scoring: the same code as `kedro score` and the Python API, on catalogued images."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from selfscore.pipelines.scoring.settings import ScoringSettings
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)


def score_images(
    policy: Policy,
    new_images: ImageSource,
    settings: ScoringSettings,
    machine: Machine,
    checkpoint: MutableMapping[str, bytes],
    name: str,
) -> pd.DataFrame:
    """Score, and explain, every new image.

    Args:
        policy: scores them.
        new_images: pictures by path; what cannot be read has an `error` in the table.
        settings: how they are scored.
        machine: where the policy is put into memory.
        checkpoint: what the policy has said already.
        name: what the policy is called in the table.

    Returns:
        One row an image, see `selfscore.scoring.results.ScoredImage.record`.
    """
    from selfscore.scoring import Scorer
    from selfscore.scoring.pictures import pictures_of
    from selfscore.scoring.results import tabulate
    from selfscore.vlm.batches import in_batches
    from selfscore.vlm.loading.elsewhere import load_for

    scorer = Scorer(
        policy,
        name,
        batch_size=settings.batch_size,
        max_new_tokens=settings.max_new_tokens,
        load=partial(load_for, machine),
    )
    logger.info(
        "Scoring %d images with %s. Scale: %s.", len(new_images), scorer.origin, scorer.origin.scale
    )
    pictures = {picture.name: picture for picture in pictures_of(new_images)}

    def score(names: Sequence[str]) -> list[dict[str, Any]]:
        batch = [pictures[name] for name in names]
        return [result.record() for result in scorer.score_each(batch, settings.explain)]

    batches = in_batches(
        list(pictures),
        settings.batch_size,
        score,
        checkpoint,
        name="scores",
        description="scoring",
        unit=" images",
        engine=scorer.engine,
    )
    table = tabulate(record for batch in batches for record in batch)
    broken = table[table["error"].notna()]
    if not broken.empty:
        logger.warning(
            "%d of %d images could not be scored, the first: '%s', %s. The column `error` of "
            "`scores` has all of them.",
            len(broken),
            len(table),
            broken["image"].iloc[0],
            broken["error"].iloc[0],
        )
    return table


def lay_out_sheet(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores as a sheet without lists: one column `probability_<level>` a level.

    Args:
        scores: see `score_images`.
    """
    from selfscore.scoring.results import sheet_row

    records = [{str(name): value for name, value in row.items()} for _, row in scores.iterrows()]
    return pd.DataFrame([sheet_row(record) for record in records])
