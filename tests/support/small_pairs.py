"""Pairs of one round as a run leaves them: texts with forced levels, and what a judge read."""

from __future__ import annotations

import pandas as pd

IMAGES = 8
# What a model could say to take over a page.
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


def generations(number: int = 1) -> pd.DataFrame:
    sides = {"chosen": 4, "rejected": 0}
    return pd.DataFrame(
        {
            "image_id": f"image_{place}",
            "path": f"image_{place}.png",
            "split": "train",
            "side": side,
            "level": level,
            "accepted": True,
            "explanation": f"{HOSTILE if place == 0 else ''} {side} {place}, round {number}",
        }
        for place in range(IMAGES)
        for side, level in sides.items()
    )


def readings() -> pd.DataFrame:
    """The judge tells the even images apart, and was not asked about the last one."""
    return pd.DataFrame(
        {
            "judge": "tfidf",
            "image_id": f"image_{place}",
            "side": side,
            "level": level,
            "inferred_level": float(level if place % 2 == 0 else 4 - level),
        }
        for place in range(IMAGES - 1)
        for side, level in (("chosen", 4), ("rejected", 0))
    )


def scored_images() -> pd.DataFrame:
    return pd.DataFrame({"image_id": [f"image_{place}" for place in range(IMAGES)], "group": ""})
