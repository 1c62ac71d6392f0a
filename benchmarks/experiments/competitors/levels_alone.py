"""Supervised training on the level alone, in one go: nothing holds the text.

Hard levels are Q-Align's (Wu et al., arXiv 2312.17090): the next-token loss on each image's own
level, and the score read off as the mean over the levels' probabilities. Soft levels with the order
of the images are DeQA-Score's (You et al., arXiv 2501.11561).
"""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, measure
from selfscore.configuration.layout import merged
from selfscore.configuration.settings_class import settings_class
from selfscore.level_training.settings import LevelSettings
from selfscore.preference_data.level_examples import level_examples


@settings_class
class LevelsAloneSettings:
    """How it is trained.

    Attributes:
        target: `hard`: all probability on an image's own level; `soft`: shared between levels so
            that the mean is the true score.
        training: laid over the section `level_training`.
    """

    target: Literal["hard", "soft"]
    training: dict[str, Any]


def levels_alone(run: FinishedRun, settings: LevelsAloneSettings) -> Measured:
    """Train it and measure it."""
    from selfscore.level_training.training import train_level_expert
    from selfscore.vlm.loading.loader import load_vlm
    from selfscore.vlm.reading.features import ImageEncoder

    policy = run.base_policy
    scale = policy.card.score_scale
    examples = level_examples(run.scored_images, run.generations, scale.values)
    if settings.target == "hard":
        examples = hardened(examples, scale.levels)
    vlm = load_vlm(policy, options=run.machine.loading)
    encoder = ImageEncoder(vlm, run.images, run.features)
    how = LevelSettings(**merged(run.parameters["level_training"], settings.training))
    rating = policy.card.prompts.rating
    start = time.process_time()
    adapter, _ = train_level_expert(encoder, examples, rating, how, run.seed, {})
    return measure(run, adapter, time.process_time() - start)


def hardened(examples: pd.DataFrame, levels: int) -> pd.DataFrame:
    """The examples with all probability on the image's own level.

    Args:
        examples: see `selfscore.preference_data.level_examples`.
        levels: number of levels.
    """
    own = examples["level"].to_numpy()
    target = list(np.eye(levels)[own])
    return examples.assign(position=own.astype(float), spread=np.nan, target=target)
