"""Levels: the few steps in which the model writes a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["quantile", "integer"]
# Levels are written with two digits at most.
MOST_LEVELS = 100
# Places between different scores at which levels may end where ties are in the way.
_MOST_ENDS = 500


def fit(scores: np.ndarray, levels: int, method: Method, unit: str) -> dict[str, Any]:
    """Fit the levels to the training scores.

    Where there are no more different scores than `levels`, each is a level of its own; but where
    no two images have the same score, levels hold two images each, or there would be nothing to
    compare within one.

    Args:
        scores: Training scores in the user's unit, shape [images].
        levels: Number of levels, 2 to 100; there are fewer where the scores need no more.
        method: "quantile" (as many images per level) or "integer" (whole numbers are the levels).
        unit: The user's scale in words.

    Returns:
        The score scale: levels, method ("grades" where each score is a level), edges (levels - 1
        of them; a score's level is the number of edges at or below it), values (mean training
        score of each level), min and max of the training scores, and unit.

    Raises:
        ValueError: If all scores are equal, or there are more whole numbers than levels.
    """
    grades, counts = np.unique(scores, return_counts=True)
    if len(grades) < 2:
        raise ValueError(
            f"All {len(scores)} training images have the score {grades[0]:g}, so there is nothing "
            f"to learn. Set `ingestion.columns.score` to a column in which they differ."
        )
    if len(grades) == len(scores):
        levels = min(levels, max(2, len(scores) // 2))
    if method == "integer":
        edges = _whole(scores, levels)
    elif len(grades) <= levels:
        edges = _between(grades, range(1, len(grades)))
    else:
        edges = _quantile_edges(scores, levels)
        if len(np.unique(place(scores, edges))) < levels:
            edges = _between(grades, _even_ends(counts, levels))
    placed = place(scores, edges)
    each_alone = len(edges) + 1 == len(grades) == len(np.unique(placed))
    return {
        "levels": len(edges) + 1,
        "method": "grades" if each_alone else method,
        "edges": edges,
        "values": grades.tolist() if each_alone else _values(scores, placed, edges),
        "min": float(grades[0]),
        "max": float(grades[-1]),
        "unit": unit,
    }


def place(scores: np.ndarray, edges: list[float]) -> np.ndarray:
    """Level of each score, shape [images], 0 to len(edges)."""
    return np.searchsorted(np.asarray(edges), scores, side="right").astype(np.int64)


def positions(scores: np.ndarray, values: Sequence[float]) -> NDArray[np.float64]:
    """Where each score lies between the levels, shape [images], 0 to levels - 1.

    Args:
        scores: In the user's unit, shape [images].
        values: Score of each level, rising; scores beyond the first and the last lie on these.
    """
    return np.interp(scores, values, np.arange(len(values)))


def spreads(scores: np.ndarray, spread: np.ndarray, values: Sequence[float]) -> NDArray[np.float64]:
    """Spreads in levels: half of what lies between a spread below each score and one above it.

    Args:
        scores: In the user's unit, shape [images].
        spread: Standard deviation of the raters in the user's unit; NaN where it is not known.
        values: Score of each level, rising.
    """
    return (positions(scores + spread, values) - positions(scores - spread, values)) / 2


def _values(scores: np.ndarray, placed: np.ndarray, edges: list[float]) -> list[float]:
    filled = set(placed.tolist())
    # A whole number that no training image has stands for itself.
    return [
        float(scores[placed == level].mean()) if level in filled else edges[0] - 0.5 + level
        for level in range(len(edges) + 1)
    ]


def _quantile_edges(scores: np.ndarray, levels: int) -> list[float]:
    return [float(edge) for edge in np.quantile(scores, np.arange(1, levels) / levels)]


def _whole(scores: np.ndarray, levels: int) -> list[float]:
    lowest = int(np.floor(scores.min() + 0.5))
    highest = int(np.floor(scores.max() + 0.5))
    if not 1 <= highest - lowest < levels:
        raise ValueError(
            f"The training scores run from {lowest} to {highest} in whole numbers, and 2 to "
            f"{levels} of them can be levels. Set `ingestion.method: quantile`."
        )
    return [lowest + 0.5 + step for step in range(highest - lowest)]


def _between(grades: NDArray[np.float64], ends: Any) -> list[float]:
    """Edges half-way between each of the grades at `ends` and the one before."""
    halves = [(float(grades[end - 1]) / 2 + float(grades[end]) / 2, end) for end in ends]
    # Between neighbouring floating-point numbers there is no other one.
    return [half if half > grades[end - 1] else float(grades[end]) for half, end in halves]


def _even_ends(counts: NDArray[np.int64], levels: int) -> list[int]:
    """Where to cut equal scores into levels that are as equally filled as ties permit.

    The cut with the smallest sum of squared sizes, by dynamic programming.

    Args:
        counts: Images with each of the different scores, in ascending order; more than `levels`.
        levels: Number of levels.

    Returns:
        levels - 1 places in `counts` at which a level ends.
    """
    below = np.concatenate([[0], np.cumsum(counts)])
    wanted = np.linspace(0, below[-1], _MOST_ENDS)
    ends = np.unique([*np.searchsorted(below, wanted), *range(levels), len(counts)])
    total = below[ends].astype(float)
    # [to, from]: what one level between two ends costs.
    cost = np.where(ends[:, None] > ends, (total[:, None] - total) ** 2, np.inf)
    best = cost[:, 0]
    chosen = []
    for _ in range(levels - 1):
        through = cost + best
        chosen.append(through.argmin(axis=1))
        best = through.min(axis=1)
    cuts = [len(ends) - 1]
    for origin in reversed(chosen):
        cuts.append(int(origin[cuts[-1]]))
    return [int(ends[cut]) for cut in reversed(cuts[1:])]
