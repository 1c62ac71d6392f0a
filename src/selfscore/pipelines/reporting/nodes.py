"""Nodes of reporting: the table over rounds, and its two pictures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pandas as pd

from selfscore.metrics.gains import srcc_gain
from selfscore.metrics.intervals import clusters_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as InteractiveFigure

logger = logging.getLogger(__name__)

TABLE_COLUMNS = ["round", "policy", "split", "group", "metric", "value", "low", "high", "n"]


def tabulate_iterations(
    parameters: dict[str, Any], seed: int, *metrics_then_judgements: pd.DataFrame
) -> pd.DataFrame:
    """One tidy table of all figures of all rounds, with each policy's gain over the base.

    Args:
        parameters: `resampling_unit`, `n_resamples` and `confidence` of the gains; `split` and
            `metrics` of the summary that is logged.
        seed: of the resamples.
        metrics_then_judgements: the metrics of the baseline and of rounds 1, 2, …, then the
            judgements in the same order.

    Returns:
        round (0 is the base model), policy, split, group, metric, value, low, high, n: all
        metrics, and `srcc_gain`, the paired difference of the SRCC to the base model's.

    Raises:
        ValueError: metrics and judgements do not come in pairs.
    """
    rounds, odd = divmod(len(metrics_then_judgements), 2)
    if odd or rounds < 1:
        raise ValueError(
            "The table over rounds needs metrics and judgements of the baseline and of each round, "
            f"got {len(metrics_then_judgements)} tables."
        )
    metrics = metrics_then_judgements[:rounds]
    base, *judgements = metrics_then_judgements[rounds:]
    tables = [table.assign(round=number) for number, table in enumerate(metrics)]
    for number, judged in enumerate(judgements, start=1):
        for names, rows in judged.groupby(["policy", "split"], sort=False):
            policy, split = map(str, names)
            gain = srcc_gain(
                rows,
                base[base["split"] == split],
                clusters=clusters_of(rows["group"], parameters["resampling_unit"]),
                n_resamples=parameters["n_resamples"],
                confidence=parameters["confidence"],
                seed=seed,
            )
            tables.append(gain.assign(round=number, policy=policy, split=split, group="all"))
    table = pd.concat(tables, ignore_index=True)[TABLE_COLUMNS]
    logger.info("On %s:\n%s", parameters["split"], _summary(table, parameters))
    return table


def draw_iteration_curve(table: pd.DataFrame, parameters: dict[str, Any]) -> InteractiveFigure:
    """The figures over rounds, for a browser.

    Args:
        table: the table over rounds.
        parameters: `split` and `metrics` to show.
    """
    from selfscore.pipelines.reporting.curves import interactive_curves

    return interactive_curves(table, parameters["split"], parameters["metrics"])


def draw_iteration_figure(table: pd.DataFrame, parameters: dict[str, Any]) -> Figure:
    """The figures over rounds, for a page.

    Args:
        table: the table over rounds.
        parameters: `split` and `metrics` to show.
    """
    from selfscore.pipelines.reporting.curves import printed_curves

    return printed_curves(table, parameters["split"], parameters["metrics"])


def _summary(table: pd.DataFrame, parameters: dict[str, Any]) -> str:
    """The shown metrics as plain text, one line a policy."""
    metrics = [*parameters["metrics"], "srcc_gain"]
    rows = table[(table["split"] == parameters["split"]) & (table["group"] == "all")]
    wide = rows.pivot(index=["round", "policy"], columns="metric", values="value")
    # A round's merged policy is its outcome, so it stands last.
    order = sorted(
        wide.index, key=lambda row: (row[0], row[1] == "merged", row[1] == "consistency")
    )
    shown = wide.loc[order, [metric for metric in metrics if metric in wide]]
    return str(shown.reset_index().to_string(index=False, float_format="{:.3f}".format, na_rep="-"))
