"""Nodes of preference building: pairs per expert, and what could be learnt from them blindly."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics.blind_accuracy import blind_preference_accuracy
from selfscore.preference_data.pairs import PAIR_BUILDERS, join_sides

logger = logging.getLogger(__name__)


def build_pairs(
    generations: pd.DataFrame, scored_images: pd.DataFrame, expert: str
) -> pd.DataFrame:
    """The preference pairs one expert is trained on.

    Raises:
        ValueError: no image has two accepted texts, or no builder has the expert's name.
    """
    if expert not in PAIR_BUILDERS:
        raise ValueError(
            f"No pair builder for expert '{expert}': there are {sorted(PAIR_BUILDERS)}."
        )
    pairs = PAIR_BUILDERS[expert](join_sides(generations, scored_images))
    if pairs.empty:
        raise ValueError(
            f"No {expert} pair could be built from {len(generations)} explanations: look at the "
            "column `reason` of the table `generations` and relax `data_generation.gates`."
        )
    return pairs


def report_preferences(generations: pd.DataFrame, **pairs: pd.DataFrame) -> dict[str, Any]:
    """Counts of texts and pairs, and the accuracy reachable without looking at the image.

    A preference accuracy in training proves something only by how far it exceeds
    `blind_accuracy`. It is left out where both sides carry the same score: there, the score tells
    nothing.

    Args:
        generations: every text with its gate's verdict.
        pairs: expert name → its pairs.
    """
    dropped = generations.loc[~generations["accepted"], "reason"].value_counts()
    return {
        "explanations": len(generations),
        "accepted": int(generations["accepted"].sum()),
        "regenerated": int((generations["attempts"] > 1).sum()),
        "dropped": {str(reason): int(count) for reason, count in dropped.items()},
        "pairs": {expert: len(table) for expert, table in pairs.items()},
        "blind_accuracy": {
            expert: blind_preference_accuracy(table["chosen_level"], table["rejected_level"]).value
            for expert, table in pairs.items()
            if (table["chosen_level"] != table["rejected_level"]).all()
        },
    }
