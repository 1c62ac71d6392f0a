"""Why no pair can be made of the texts that there are, and what can be done about it.

Knows tables of texts; knows no model.
"""

from __future__ import annotations

import pandas as pd

from selfscore.preference_data.builders import pair_builder

# A reason of `QualityGates` → the parameter of data generation that sets its limit.
_LIMITS = {
    "malformed": "decoding.max_new_tokens",
    "too_short": "gates.min_words",
    "too_long": "gates.max_words",
    "repetitive": "gates.max_repetition",
    "generic": "gates.max_generic",
}


def why_no_pair(expert: str, generations: pd.DataFrame, texts: pd.DataFrame) -> str:
    """What is wrong and what to do about it, in a sentence or two.

    Args:
        expert: whose builder made nothing.
        generations: every text with `accepted` and `reason`.
        texts: what the builder was given of them, one row an image.
    """
    start = f"No {expert} pair could be built from {len(generations)} explanations: "
    if texts.empty:
        return start + _all_dropped(generations)
    without = f"leave {expert} out of `experts`"
    level = "level" if "level" in texts else "level_chosen"
    if pair_builder(expert).of_two_images and texts[level].is_unique:
        fewer = len(texts) - 1
        lower = f"set `ingestion.levels` to {fewer} or less, " if fewer > 1 else ""
        return (
            f"{start}of {len(texts)} images with accepted texts each is the only one with its "
            f"level, and needs another to be told apart from. Take more images, {lower}or "
            f"{without}."
        )
    return (
        f"{start}the texts that it would tell apart, of {len(texts)} images, are word for word the "
        f"same. Take more images, raise `data_generation.decoding.temperature`, or {without}."
    )


def _all_dropped(generations: pd.DataFrame) -> str:
    """No image has all that it needs, because of the quality gates."""
    reasons = generations.loc[~generations["accepted"], "reason"].value_counts()
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    limits = [_LIMITS[reason] for reason in reasons.index if reason in _LIMITS]
    first = f"Change `data_generation.{limits[0]}`" if limits else "Take another model"
    return (
        f"of no image were all texts accepted that it needs (dropped: {told}; the column `reason` "
        f"of their table has it). {first}, or take more images."
    )
