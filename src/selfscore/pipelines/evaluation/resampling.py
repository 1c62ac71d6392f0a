"""How the intervals of the evaluation's figures are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from selfscore.metrics.resampling import Resampling, clusters_of


def resampling(groups: pd.Series, parameters: Mapping[str, Any], seed: int) -> Resampling:
    """How the intervals of figures are drawn.

    Args:
        groups: group of each row that is measured.
        parameters: `resampling_unit`, `n_resamples` and `confidence`.
        seed: of the resamples.
    """
    return Resampling(
        parameters["n_resamples"],
        parameters["confidence"],
        seed,
        clusters_of(groups, parameters["resampling_unit"]),
    )
