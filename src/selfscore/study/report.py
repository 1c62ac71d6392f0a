"""What came of the study, as a page."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import pandas as pd

from selfscore.metrics.catalog import metric
from selfscore.report.tables import records


def write_report(figures: pd.DataFrame, plan: dict[str, Any], answers: pd.DataFrame) -> str:
    """The page as HTML.

    Args:
        figures: see `selfscore.study.analysis.study_figures`.
        plan: see `selfscore.study.plan.plan_study`.
        answers: see `selfscore.study.answers.tabulate`.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    source = files("selfscore")
    page, style = (
        (source / name).read_text(encoding="utf-8")
        for name in ("study/page/report.html", "local_page/style.css")
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(page).render(
        style=Markup(style),
        plan=plan,
        raters=answers["rater"].nunique(),
        n=len(answers),
        figures=[_row(row) for row in records(figures) if row["n"]],
        titles={row["metric"]: metric(row["metric"]).title for row in plan["comparisons"]},
        percent=lambda share: f"{100 * share:.0f}\N{NO-BREAK SPACE}%",
        one_in=round(1 / (1 - plan["confidence"])),
    )


def verdict(row: dict[str, Any]) -> str:
    """What a figure's interval says: "" of a share, which is held against nothing."""
    if math.isnan(row["nothing"]):
        return ""
    if math.isnan(row["low"]):
        return "too little to tell"
    if row["low"] <= row["nothing"] <= row["high"]:
        return "no clear difference"
    return "rises" if row["value"] > row["nothing"] else "falls"


def _row(row: dict[str, Any]) -> dict[str, Any]:
    told = not math.isnan(row["low"])
    signed = "+.2f" if row["nothing"] == 0 else ".2f"
    low, value, high = (
        format(row[name], signed).replace("-", "\N{MINUS SIGN}")
        for name in ("low", "value", "high")
    )
    return {
        "title": metric(row["metric"]).title,
        "value": value,
        "interval": f"{low} to {high}" if told else "–",
        "verdict": verdict(row),
        "n": row["n"],
    }
