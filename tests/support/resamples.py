"""A bootstrap for tests: a thousand resamples where nothing else is said."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from selfscore.metrics.resampling import Resampling


def resampled(
    n: int = 1000, clusters: ArrayLike | None = None, seed: int = 0, confidence: float = 0.95
) -> Resampling:
    """The bootstrap; clusters that are no series are those of rows 0, 1, 2, …"""
    labels = (
        clusters if clusters is None or isinstance(clusters, pd.Series) else pd.Series(clusters)
    )
    return Resampling(n, confidence, seed, labels)
