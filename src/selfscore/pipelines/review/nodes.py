"""Nodes of review: the pairs to read, and what readers said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from selfscore.review.settings import ReviewSettings


def choose_pairs(
    scored_images: pd.DataFrame, settings: ReviewSettings, seed: int, **rounds: pd.DataFrame
) -> pd.DataFrame:
    """The pairs that are read, in their order.

    Args:
        scored_images: groups of the images.
        settings: of which `pairs` counts.
        seed: of the draw.
        rounds: `generations_<round>` and `readings_<round>` of every round.

    Returns:
        See `selfscore.review.pairs.pairs_to_read`.
    """
    from selfscore.review.pairs import pairs_to_read

    numbers = [int(name.removeprefix("readings_")) for name in rounds if name[0] == "r"]
    both = {
        number: (rounds[f"generations_{number}"], rounds[f"readings_{number}"])
        for number in numbers
    }
    return pairs_to_read(both, scored_images, settings.pairs, seed)


def measure_reading(
    labels: Mapping[str, Mapping[str, Any]],
    pairs: pd.DataFrame,
    settings: ReviewSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What readers said, and what it comes to.

    Args:
        labels: of all readers, also of texts that an earlier run wrote.
        pairs: see `choose_pairs`; only their labels count.
        settings: how intervals are drawn.
        seed: of the resamples.

    Returns:
        The tables of `selfscore.review.pairs.join_labels` and
        `selfscore.review.figures.review_figures`.
    """
    from selfscore.review.figures import review_figures
    from selfscore.review.pairs import join_labels

    table = join_labels(labels, pairs)
    return table, review_figures(table, settings, seed)
