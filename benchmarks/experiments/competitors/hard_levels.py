"""Supervised training on the level alone, each image's own level being right and all others wrong.

Q-Align (Wu et al., arXiv 2312.17090): the next-token loss on the level, and the score read off as
the mean over the levels' probabilities.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, measure
from selfscore.layout import merged
from selfscore.level_training.settings import LevelSettings
from selfscore.preference_data.level_examples import level_examples


def hard_levels(run: FinishedRun, settings: Mapping[str, Any]) -> Measured:
    """Train it and measure it.

    Args:
        run: the baseline of a run.
        settings: laid over the section `level_training`.
    """
    from selfscore.level_training.training import train_level_expert
    from selfscore.vlm.loading.loader import load_vlm
    from selfscore.vlm.reading.features import ImageEncoder

    policy = run.base_policy
    scale = policy.card.score_scale
    examples = level_examples(run.scored_images, run.generations, scale.values)
    vlm = load_vlm(policy, options=run.machine.loading)
    encoder = ImageEncoder(vlm, run.images, run.features)
    how = LevelSettings(**merged(run.parameters["level_training"], settings))
    start = time.perf_counter()
    adapter, _ = train_level_expert(
        encoder,
        hardened(examples, scale.levels),
        policy.card.prompts.rating,
        how,
        run.seed,
        {},
    )
    return measure(run, adapter, time.perf_counter() - start)


def hardened(examples: pd.DataFrame, levels: int) -> pd.DataFrame:
    """The examples with all probability on the image's own level.

    Args:
        examples: see `selfscore.preference_data.level_examples`.
        levels: number of levels.
    """
    own = examples["level"].to_numpy()
    return examples.assign(
        position=own.astype(float), spread=np.nan, target=list(np.eye(levels)[own])
    )
