"""Preference pairs from two explanations of one image (arXiv 2506.02708, section 3.2).

Knows tables of accepted texts; knows no model.
"""

from __future__ import annotations

import pandas as pd

from selfscore.vlm.response import write_response

PAIR_COLUMNS = [
    "image_id",
    "path",
    "split",
    "chosen",
    "rejected",
    "chosen_level",
    "rejected_level",
    "rejected_text_level",
]


def scoring_pairs(both: pd.DataFrame, _seed: int = 0) -> pd.DataFrame:
    """(true score, its text) over (wrong score, its text).

    Args:
        both: one row an image: image_id, path, split and, per side, `level_<side>` and
            `explanation_<side>` with sides `chosen` (true level) and `rejected` (wrong level).
        _seed: for all builders are called alike: nothing is drawn here.
    """
    return _pairs(both, rejected_level=both["level_rejected"])


def consistency_pairs(both: pd.DataFrame, _seed: int = 0) -> pd.DataFrame:
    """The same texts with the rejected score overwritten by the true one: only the text differs.

    Args:
        both: as for `scoring_pairs`. Images whose two texts are the same make no pair.
        _seed: nothing is drawn.
    """
    differ = both["explanation_chosen"] != both["explanation_rejected"]
    both = both[differ].reset_index(drop=True)
    return _pairs(both, rejected_level=both["level_chosen"])


def mixed_pairs(both: pd.DataFrame, _seed: int = 0) -> pd.DataFrame:
    """Scoring and consistency pairs in one table, for one expert that learns both.

    Args:
        both: as for `scoring_pairs`.
        _seed: nothing is drawn.
    """
    return pd.concat([scoring_pairs(both), consistency_pairs(both)], ignore_index=True)


def join_sides(generations: pd.DataFrame) -> pd.DataFrame:
    """One row per image of which both texts were accepted, with columns per side."""
    image, text = ["image_id", "path", "split"], ["level", "explanation"]
    accepted = generations.loc[generations["accepted"], [*image, "side", *text]]
    chosen, rejected = (
        accepted[accepted["side"] == side].drop(columns="side") for side in ("chosen", "rejected")
    )
    return chosen.merge(
        rejected, on=image, suffixes=("_chosen", "_rejected"), validate="one_to_one"
    )


def _pairs(both: pd.DataFrame, rejected_level: pd.Series) -> pd.DataFrame:
    def responses(levels: pd.Series, side: str) -> list[str]:
        texts = both[f"explanation_{side}"]
        return [write_response(level, text) for level, text in zip(levels, texts, strict=True)]

    return pd.DataFrame(
        {
            "image_id": both["image_id"],
            "path": both["path"],
            "split": both["split"],
            "chosen": responses(both["level_chosen"], "chosen"),
            "rejected": responses(rejected_level, "rejected"),
            "chosen_level": both["level_chosen"],
            "rejected_level": rejected_level,
            "rejected_text_level": both["level_rejected"],
        },
        columns=PAIR_COLUMNS,
    )
