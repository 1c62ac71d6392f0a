"""Nodes of reporting: the table over rounds, the charts, and the page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pandas as pd

from selfscore.metrics.gains import srcc_gain
from selfscore.metrics.resampling import Resampling, clusters_of
from selfscore.report.changes import shown_round

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as InteractiveFigure

    from selfscore.report.chart import Chart

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
            draws = Resampling(
                parameters["n_resamples"],
                parameters["confidence"],
                seed,
                clusters_of(rows["group"], parameters["resampling_unit"]),
            )
            gain = srcc_gain(rows, base[base["split"] == split], draws)
            tables.append(gain.assign(round=number, policy=policy, split=split, group="all"))
    table = pd.concat(tables, ignore_index=True)[TABLE_COLUMNS]
    logger.info("On %s:\n%s", parameters["split"], _summary(table, parameters))
    return table


def draw_iteration_figure(table: pd.DataFrame, parameters: dict[str, Any]) -> Figure:
    """The figures over rounds, for a page.

    Args:
        table: the table over rounds.
        parameters: `split` and `metrics` to show.
    """
    from selfscore.report.curves import printed_curves

    return printed_curves(table, parameters["split"], parameters["metrics"])


def draw_charts(**run: Any) -> dict[str, InteractiveFigure]:
    """The page's charts, for a browser.

    Args:
        run: see `build_charts`.

    Returns:
        Name of each chart → figure.
    """
    from selfscore.report.interactive import plotly_figure

    return {chart.name: plotly_figure(chart) for chart in build_charts(**run)}


def write_report(
    summary: dict[str, Any],
    changes: pd.DataFrame,
    gallery: pd.DataFrame,
    pairs: pd.DataFrame,
    scored_images: pd.DataFrame,
    model: dict[str, Any],
    seed: int,
    **run: Any,
) -> str:
    """The report as one page of HTML.

    Args:
        summary: the outcome in sentences.
        changes: what the champion changed.
        gallery: images with what was said of them.
        pairs: consistency pairs to look at.
        scored_images: counted.
        model: `id` and `revision` of the base model.
        seed: of the run.
        run: see `build_charts`.
    """
    from selfscore.report.page import render_page

    counts = scored_images["split"].value_counts()
    scale = run["score_scale"]
    values = scale["values"]
    facts = {
        "Base model": " ".join(filter(None, [str(model["id"]), model["revision"]])),
        "Images": ", ".join(f"{count} {split}" for split, count in counts.items()),
        "Rounds": str(run["iteration_table"]["round"].max()),
        "Scale": f"{scale['levels']} levels, {values[0]:.2f} to {values[-1]:.2f}",
        "Seed": str(seed),
    }
    return render_page(
        build_charts(**run),
        summary,
        run["champion"],
        changes,
        gallery,
        pairs,
        facts,
        scale,
        run["parameters"],
    )


def build_charts(
    champion: dict[str, Any],
    iteration_table: pd.DataFrame,
    controls: pd.DataFrame,
    answers: pd.DataFrame,
    reliability: pd.DataFrame,
    health: pd.DataFrame,
    merge_energy: pd.DataFrame,
    score_scale: dict[str, Any],
    evaluation: dict[str, Any],
    parameters: dict[str, Any],
) -> list[Chart]:
    """All charts of a run, in the order of the page.

    Args:
        champion: whose round is looked at closely; the last one where it is the base model.
        iteration_table: the table over rounds.
        controls: the controls over rounds.
        answers: predictions of the base model and of every round's policy.
        reliability: reliability curves over rounds.
        health: figures of health over rounds.
        merge_energy: what each merge keeps, per layer.
        score_scale: `levels`, `unit`.
        evaluation: `health.thresholds`.
        parameters: `split`, `metrics` over the rounds, `compared` side by side.
    """
    from selfscore.report import answer_charts, policy_charts, run_charts

    split = parameters["split"]
    number = shown_round(champion, int(iteration_table["round"].max()))
    return [
        policy_charts.curves_chart(iteration_table, split, parameters["metrics"]),
        policy_charts.policies_chart(
            iteration_table, controls, split, parameters["compared"], number
        ),
        answer_charts.predicted_chart(answers, split, number, score_scale["unit"]),
        answer_charts.levels_chart(answers, split, number, score_scale["levels"]),
        answer_charts.reliability_chart(reliability, split, number),
        run_charts.health_chart(health, evaluation["health"]["thresholds"], split),
        run_charts.merge_energy_chart(merge_energy),
    ]


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
