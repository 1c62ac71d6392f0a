"""The pair builders by the name of the expert that is trained on what they build."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from selfscore.preference_data import grounding, pairs


@dataclass(frozen=True)
class PairBuilder:
    """How an expert's pairs are made.

    Attributes:
        build: texts and a seed → pairs with the columns `pairs.PAIR_COLUMNS`.
        free_texts: whether the texts are those written without a forced score, one row an image;
            else those of `pairs.join_sides`.
        per_image: pairs that it makes of an image at most.
        of_two_images: whether the rejected text is one about another image of the same level.
    """

    build: Callable[[pd.DataFrame, int], pd.DataFrame]
    free_texts: bool = False
    per_image: int = 1
    of_two_images: bool = False


PAIR_BUILDERS: dict[str, PairBuilder] = {
    "scoring": PairBuilder(pairs.scoring_pairs),
    "consistency": PairBuilder(pairs.consistency_pairs),
    "mixed": PairBuilder(pairs.mixed_pairs, per_image=2),
    "grounding": PairBuilder(grounding.grounding_pairs, of_two_images=True),
    "grounding_contrast": PairBuilder(grounding.grounding_contrast_pairs, of_two_images=True),
    "grounding_free": PairBuilder(
        grounding.grounding_free_pairs, free_texts=True, of_two_images=True
    ),
}


def pair_builder(expert: str) -> PairBuilder:
    """The builder of an expert's pairs.

    Raises:
        ValueError: there is none of that name.
    """
    if expert not in PAIR_BUILDERS:
        raise ValueError(
            f"No pair builder for expert '{expert}': there are {sorted(PAIR_BUILDERS)}. Choose "
            "among them in `experts`."
        )
    return PAIR_BUILDERS[expert]


def needs_free_texts(experts: Iterable[str]) -> bool:
    """Whether one of the experts learns from texts that are written without a forced score."""
    return any(pair_builder(expert).free_texts for expert in experts)
