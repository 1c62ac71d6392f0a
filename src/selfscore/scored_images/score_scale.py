"""Levels: the few steps in which the model writes a score."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Method = Literal["quantile", "integer"]
# A level is written as one digit, so that it is one token.
MOST_LEVELS = 10


def fit(scores: np.ndarray, levels: int, method: Method, unit: str) -> dict[str, Any]:
    """Fit the levels to the training scores.

    Args:
        scores: Training scores in the user's unit, shape [images].
        levels: Number of levels, 2 to 10.
        method: "quantile" (as many images per level) or "integer" (whole numbers are the levels).
        unit: The user's scale in words.

    Returns:
        The score scale: levels, method, edges (levels - 1 of them; a score's level is the number
        of edges at or below it), values (mean training score of each level), min and max of the
        training scores, and unit.

    Raises:
        ValueError: If the scores do not fill the levels.
    """
    if len(scores) < levels:
        raise ValueError(
            f"There are {len(scores)} training images for {levels} levels. Give at least one image "
            f"per level (better: 20), or set `ingestion.levels` to at most {max(2, len(scores))}."
        )
    edges = _quantile_edges(scores, levels) if method == "quantile" else _whole(scores, levels)
    placed = place(scores, edges)
    if method == "quantile":
        _check_filled(scores, placed, levels)
    filled = set(placed.tolist())
    # A whole number that no training image has stands for itself.
    values = [
        float(scores[placed == level].mean()) if level in filled else edges[0] - 0.5 + level
        for level in range(levels)
    ]
    return {
        "levels": levels,
        "method": method,
        "edges": edges,
        "values": values,
        "min": float(scores.min()),
        "max": float(scores.max()),
        "unit": unit,
    }


def place(scores: np.ndarray, edges: list[float]) -> np.ndarray:
    """Level of each score, shape [images], 0 to len(edges)."""
    return np.searchsorted(np.asarray(edges), scores, side="right").astype(np.int64)


def _quantile_edges(scores: np.ndarray, levels: int) -> list[float]:
    return [float(edge) for edge in np.quantile(scores, np.arange(1, levels) / levels)]


def _whole(scores: np.ndarray, levels: int) -> list[float]:
    lowest = int(np.floor(scores.min() + 0.5))
    highest = int(np.floor(scores.max() + 0.5))
    if highest - lowest + 1 > levels:
        raise ValueError(
            f"The training scores run from {lowest} to {highest}, more whole numbers than "
            f"{levels} levels. Set `ingestion.method: quantile`."
        )
    return [lowest + 0.5 + step for step in range(levels - 1)]


def _check_filled(scores: np.ndarray, placed: np.ndarray, levels: int) -> None:
    distinct = len(np.unique(scores))
    filled = len(np.unique(placed))
    if filled == levels:
        return
    reason = (
        f"there are only {distinct} different training scores"
        if distinct < levels
        else f"so many training scores are equal that only {filled} levels would hold images"
    )
    raise ValueError(
        f"{levels} levels cannot be filled: {reason}. Set `ingestion.levels` to {max(2, filled)} "
        f"or fewer, or `ingestion.method: integer`."
    )
