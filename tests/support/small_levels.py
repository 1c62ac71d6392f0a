"""Trainings of a tiny model on levels that take a second or two."""

import numpy as np
import pandas as pd
from small_training import IMAGES, VALUES, encoder

from selfscore.level_training.settings import LevelSettings
from selfscore.level_training.training import train_level_expert
from selfscore.preference_data.soft_levels import soft_levels
from selfscore.vlm.response import write_response

ONLY_OF_PAIRS = ("beta", "rpo_alpha", "score_weight", "stray_weight", "loss_type")
TEXTS = ["The picture is sharp.", "It is blurred and dark.", ""]


def settings(**changes):
    """Settings that learn fast, with what differs."""
    shared = {k: v for k, v in VALUES.items() if k not in ONLY_OF_PAIRS}
    own = {
        "max_cycles": 1,
        "min_gain": 0.0,
        "fidelity_weight": 1.0,
        "unscored_weight": 0.0,
        "text_weight": 1.0,
        "stray_weight": 1.0,
        "text_every": 2,
    }
    return LevelSettings(**shared | own | changes)


def examples(count=8, levels=10):
    """Scores over the whole scale for the first images; every third one has no text."""
    position = np.linspace(0.3, levels - 1.2, count)
    level = position.round().astype(int)
    texts = [TEXTS[place % 3] for place in range(count)]
    return pd.DataFrame(
        {
            "path": list(IMAGES)[:count],
            "split": "train",
            "level": level,
            "position": position,
            "spread": np.nan,
            "target": list(soft_levels(position, np.zeros(count), levels)),
            "response": [
                write_response(number, text) if text else ""
                for number, text in zip(level, texts, strict=True)
            ],
        }
    )


def held_out(position, levels=10):
    """Validation images, the last ones: one a position, which is its score."""
    target = list(soft_levels(np.array(position), np.zeros(len(position)), levels))
    table = examples(len(IMAGES), levels).tail(len(position))
    return table.assign(split="validation", position=position, target=target, response="")


def train(policy, table, settings, checkpoint=None, seed=0):
    """Adapter and log of a training that begins with a freshly loaded model."""
    checkpoint = {} if checkpoint is None else checkpoint
    return train_level_expert(encoder(policy), table, "Rate it.", settings, seed, checkpoint)
