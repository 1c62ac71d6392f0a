"""Nodes of reporting: the tables of all rounds, each kind in one."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics.calibration import reliability_curves
from selfscore.metrics.figures import among, as_figures
from selfscore.metrics.gains import srcc_gain
from selfscore.report.labels import BASE, MERGED
from selfscore.report.settings import ReportingSettings

logger = logging.getLogger(__name__)


def stack_rounds(*tables: pd.DataFrame) -> pd.DataFrame:
    """Tables of one kind below each other.

    Args:
        tables: of the baseline, of round 1, of round 2, …, each with its `round`.
    """
    # A table without rows forgets what its columns hold.
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def gather_figures(
    judgements: pd.DataFrame, settings: ReportingSettings, seed: int, *figures: pd.DataFrame
) -> pd.DataFrame:
    """All figures of all rounds, with each policy's gain over the base model.

    Args:
        judgements: of all rounds.
        settings: how the gains' intervals are drawn; `split` and `metrics` of the summary that is
            logged.
        seed: of the resamples.
        figures: of the baseline, of round 1, of round 2, …

    Returns:
        The table of figures, see `selfscore.metrics.figures`, and in it `srcc_gain`, the paired
        difference of the SRCC to the base model's.
    """
    tables = [*figures]
    base, later = (judgements[(judgements["round"] > 0) == after] for after in (False, True))
    for (number, policy, split), rows in later.groupby(["round", "policy", "split"], sort=False):
        draws = settings.resampling(rows["group"], seed)
        gain = srcc_gain(rows, base[base["split"] == split], draws)
        facts: dict[str, Any] = {"round": number, "policy": policy, "split": split}
        tables.append(as_figures(gain, **facts))
    table = pd.concat(tables, ignore_index=True)
    logger.info("On %s:\n%s", settings.split, _summary(table, settings))
    return table


def pick_answers(judgements: pd.DataFrame) -> pd.DataFrame:
    """What the base model and every round's outcome said: the experts' answers are left out."""
    return judgements[judgements["policy"].isin([BASE, MERGED])].reset_index(drop=True)


def measure_reliability(
    judgements: pd.DataFrame, bins: int, settings: ReportingSettings, seed: int
) -> pd.DataFrame:
    """How often what a policy holds for so likely comes true, for every policy and split.

    Args:
        judgements: of all rounds, one row a policy and image.
        bins: number of bins of probability, see `reliability_curves`.
        settings: how intervals are drawn.
        seed: of the resamples.

    Returns:
        round, policy, split, statement, bin, confidence, frequency, low, high, n; see
        `selfscore.metrics.calibration.reliability_curves`.
    """
    names = ["round", "policy", "split"]
    tables = []
    for _, rows in judgements.groupby(names, sort=False):
        draws = settings.resampling(rows["group"], seed)
        curves = reliability_curves(rows, bins, draws)
        for place, name in enumerate(names):
            curves.insert(place, name, rows[name].iloc[0])
        tables.append(curves)
    return pd.concat(tables, ignore_index=True)


def _summary(figures: pd.DataFrame, settings: ReportingSettings) -> str:
    """The shown metrics as plain text, one line a policy."""
    metrics = [*settings.metrics, "srcc_gain"]
    rows = among(figures, split=settings.split)
    wide = rows.pivot(index=["round", "policy"], columns="metric", values="value")
    # A round's merged policy is its outcome, so it stands last.
    order = sorted(
        wide.index, key=lambda row: (row[0], row[1] == "merged", row[1] == "consistency")
    )
    shown = wide.loc[order, [metric for metric in metrics if metric in wide]]
    return str(shown.reset_index().to_string(index=False, float_format="{:.3f}".format, na_rep="-"))
