"""Preference pairs that differ in the picture their texts were written about, and in nothing else.

Both answers carry one score, and both texts were written for it: one about this image, one about
another. Every text is the chosen one once and the rejected one once (but for the few whose partner
says the same), so the texts alone do not tell which to prefer; a policy must look at the picture.

Knows tables of accepted texts; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.shuffling import random_partners
from selfscore.preference_data.pairs import PAIR_COLUMNS
from selfscore.vlm.response import write_response

# Texts of one level and a seed → for each text the place of another one, each used once.
Matching = Callable[[list[str], np.random.Generator], NDArray[np.int64]]

# Texts that are matched with each other: memory grows with their square, 80 MB for these.
_TOGETHER = 2000


def grounding_pairs(both: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The image's own text over that of a random other image, both for the true score.

    Args:
        both: one row an image: image_id, path, split, level_chosen and explanation_chosen. Images
            that are alone with their level make no pair.
        seed: of the matching.
    """
    return _pairs(_true_texts(both), random_partners, seed)


def grounding_contrast_pairs(both: pd.DataFrame, seed: int) -> pd.DataFrame:
    """As `grounding_pairs`, with the texts matched so that they differ as much as possible."""
    return _pairs(_true_texts(both), different_partners, seed)


def grounding_free_pairs(free: pd.DataFrame, seed: int) -> pd.DataFrame:
    """As `grounding_contrast_pairs`, of texts that were written without a forced score.

    Both answers carry the score that the policy itself gave the image. Under the true score the
    text would often be one of another score, and preferring it would undo what the consistency
    pairs teach.

    Args:
        free: one row an image: image_id, path, split, level (the one written), explanation.
        seed: of the matching.
    """
    return _pairs(free, different_partners, seed)


def different_partners(texts: list[str], generator: np.random.Generator) -> NDArray[np.int64]:
    """The matching with the smallest sum of similarities, never the text itself.

    Similarity is the cosine of TF-IDF over words and word pairs. Taking the most different text
    for each image on its own would reject a few odd texts again and again, and teach to avoid
    those. More than 2,000 texts are matched in parts of about equal size, drawn at random; else
    nothing is drawn here.
    """
    parts = -(-len(texts) // _TOGETHER)
    if parts == 1:
        return _most_different(texts)
    partners = np.empty(len(texts), dtype=np.int64)
    for part in np.array_split(generator.permutation(len(texts)), parts):
        partners[part] = part[_most_different([texts[place] for place in part])]
    return partners


def _most_different(texts: list[str]) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+").fit_transform(texts)
    similarity = (weights @ weights.T).toarray()
    # Dearer than any other matching, so that a text is its own partner only when it is alone.
    np.fill_diagonal(similarity, len(texts) + 1.0)
    return np.asarray(linear_sum_assignment(similarity)[1], dtype=np.int64)


def _true_texts(both: pd.DataFrame) -> pd.DataFrame:
    columns = {"level_chosen": "level", "explanation_chosen": "explanation"}
    return both[["image_id", "path", "split", *columns]].rename(columns=columns)


def _pairs(texts: pd.DataFrame, matching: Matching, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    tables = []
    for _, rows in texts.groupby("level"):
        level = int(rows["level"].iloc[0])
        own = rows["explanation"].tolist()
        others = [own[partner] for partner in matching(own, generator)]
        pairs = rows[["image_id", "path", "split"]].assign(
            chosen=[write_response(level, text) for text in own],
            rejected=[write_response(level, text) for text in others],
            chosen_level=level,
            rejected_level=level,
            rejected_text_level=level,
        )
        tables.append(pairs[pairs["chosen"] != pairs["rejected"]])
    if not tables:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    table = pd.concat(tables).sort_index().reset_index(drop=True)
    levels = [column for column in PAIR_COLUMNS if column.endswith("level")]
    return table[PAIR_COLUMNS].astype(dict.fromkeys(levels, "int64"))
