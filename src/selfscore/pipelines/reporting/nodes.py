"""Nodes of reporting: the charts, and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd

from selfscore.configuration.settings_class import as_parameters
from selfscore.metrics.figures import STRENGTH
from selfscore.metrics.health import HealthThresholds
from selfscore.report.changes import shown_round
from selfscore.report.settings import ReportingSettings
from selfscore.report.tables import records
from selfscore.vlm.policy import Policy

if TYPE_CHECKING:
    from selfscore.report.drawing import Chart


class RunTables(TypedDict):
    """What the charts are made of; see `build_charts`."""

    champion: dict[str, Any]
    figures: pd.DataFrame
    answers: pd.DataFrame
    reliability: pd.DataFrame
    base_policy: Policy


def write_report(
    summary: dict[str, Any],
    changes: pd.DataFrame,
    gallery: pd.DataFrame,
    pairs: pd.DataFrame,
    description: dict[str, Any],
    data_check: pd.DataFrame,
    settings: ReportingSettings,
    thresholds: HealthThresholds,
    **run: Unpack[RunTables],
) -> tuple[str, dict[str, Any]]:
    """The report as one page of HTML, and its charts.

    It has more inputs than any other node: the page shows all of a run.

    Args:
        summary: the outcome in sentences.
        changes: what the champion changed.
        gallery: images with what was said of them.
        pairs: consistency pairs to look at.
        description: what was run on what.
        data_check: what there was to learn from, and what it can show.
        settings: what is shown.
        thresholds: limits of health.
        run: the rest of what `build_charts` takes.

    Returns:
        The page, and the charts: name of the file → figure.
    """
    from selfscore.report.page import render_page

    charts = build_charts(**run, thresholds=thresholds, settings=settings)
    page = render_page(
        charts,
        summary,
        run["champion"],
        changes,
        gallery,
        pairs,
        {**description, "data": records(data_check)},
        as_parameters(run["base_policy"].card.score_scale),
        settings.split,
    )
    return page, {f"{name}.png": chart.figure for name, chart in charts.items()}


def build_charts(
    champion: dict[str, Any],
    figures: pd.DataFrame,
    answers: pd.DataFrame,
    reliability: pd.DataFrame,
    base_policy: Policy,
    thresholds: HealthThresholds,
    settings: ReportingSettings,
) -> dict[str, Chart]:
    """All charts of a run by name, in the order of the page.

    Args:
        champion: whose round is looked at closely; the last one where it is the base model.
        figures: of all rounds.
        answers: predictions of the base model and of every round's policy.
        reliability: reliability curves over rounds.
        base_policy: of which the scale counts.
        thresholds: limits of health.
        settings: what is shown.
    """
    from selfscore.report import answer_charts, policy_charts, run_charts, truth_charts

    split, scale = settings.split, base_policy.card.score_scale
    number = shown_round(champion, int(figures["round"].max()))
    return {
        "curves": policy_charts.curves_chart(figures, split, settings.metrics),
        "policies": policy_charts.policies_chart(figures, split, settings.compared, number),
        **(
            {"counterfactual": truth_charts.counterfactual_chart(figures, number)}
            if (figures["metric"] == "counterfactual").any()
            else {}
        ),
        "predicted": answer_charts.predicted_chart(answers, split, number, scale.unit),
        "levels": answer_charts.levels_chart(answers, split, number, scale.levels),
        "reliability": answer_charts.reliability_chart(reliability, split, number),
        "health": run_charts.health_chart(figures, thresholds, split),
        **(
            {"merge_strength": run_charts.merge_strength_chart(figures)}
            if (figures["of"] == STRENGTH).any()
            else {}
        ),
        "merge_energy": run_charts.merge_energy_chart(figures),
    }
