"""Figures of how true texts are of pictures whose faults nobody has written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from selfscore.metrics.counterfactual import counterfactual_figures
from selfscore.metrics.fidelity import fidelity_figures
from selfscore.metrics.figures import COLUMNS, as_figures
from selfscore.metrics.resampling import Resampling
from selfscore.pipelines.evaluation.settings import EvaluationSettings


def faithfulness_figures(
    mentions: pd.DataFrame, truth_readings: pd.DataFrame, settings: EvaluationSettings, seed: int
) -> pd.DataFrame:
    """The figures of the counterfactual test, and of the base model's reading, of each policy.

    Args:
        mentions: what edits did, see `find_mentions`.
        truth_readings: what the base model makes of texts, see `read_texts`.
        settings: how intervals are drawn: over pictures, or groups of them, as all edits of one
            picture depend on each other.
        seed: of the resamples.

    Returns:
        Rows of the table of figures, see `counterfactual_figures` and `fidelity_figures`; none of
        what was not measured.
    """
    tables = [
        *_of_policies(mentions, counterfactual_figures, settings, seed),
        *_of_policies(truth_readings, fidelity_figures, settings, seed),
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_policies(
    table: pd.DataFrame,
    figures: Callable[[pd.DataFrame, Resampling], pd.DataFrame],
    settings: EvaluationSettings,
    seed: int,
) -> Iterator[pd.DataFrame]:
    for (number, policy, split), rows in table.groupby(["round", "policy", "split"], sort=False):
        facts: dict[str, Any] = {"round": number, "policy": policy, "split": split}
        own = rows.reset_index(drop=True)
        draws = settings.resampling_of_pictures(own["group"], own["image_id"], seed)
        yield as_figures(figures(own, draws), **facts)
