"""Nodes of reporting: the tables of all rounds, each kind in one."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics.figures import among, as_figures
from selfscore.metrics.gains import srcc_gain
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


def tabulate_merge_energy(*reports: dict[str, Any]) -> pd.DataFrame:
    """How much of each layer's merged update the stored rank keeps.

    Args:
        reports: `energy_kept_per_layer` of round 1, of round 2, …

    Returns:
        round, module, energy_kept in [0, 1].
    """
    return pd.DataFrame(
        [
            {"round": number, "module": module, "energy_kept": energy}
            for number, report in enumerate(reports, start=1)
            for module, energy in report["energy_kept_per_layer"].items()
        ]
    )


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
