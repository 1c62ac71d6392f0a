"""Charts: what is in them, as SVG and for the browser."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.metrics.figures import among
from selfscore.pipelines.reporting.nodes import build_charts
from selfscore.pipelines.reporting.pipeline import _RUN
from selfscore.report.chart import Chart, Panel, Series, ticks, written
from selfscore.report.interactive import plotly_figure
from selfscore.report.labels import PALETTE
from selfscore.report.svg import svg


@pytest.fixture(scope="module")
def charts(reported: dict[str, Any]) -> dict[str, Chart]:
    found = build_charts(**{name: reported[dataset] for name, dataset in _RUN.items()})
    return {chart.name: chart for chart in found}


def elements(panel: Panel, tag: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg(panel))
    return list(root.iter(tag))


def test_every_chart_of_the_report_is_there(charts: dict[str, Chart]) -> None:
    assert list(charts) == [
        "curves",
        "policies",
        "predicted",
        "levels",
        "reliability",
        "health",
        "merge_energy",
    ]
    for chart in charts.values():
        assert chart.panels and chart.text
        assert {series.colour for panel in chart.panels for series in panel.series} <= set(PALETTE)


def test_every_panel_is_a_picture_with_a_description(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        for panel in chart.panels:
            root = ElementTree.fromstring(svg(panel, chart.large))
            assert root.get("role") == "img"
            assert len(root.get("aria-label", "")) > 20
            assert "nan" not in svg(panel, chart.large).lower().replace("nance", "")


def test_both_ways_of_drawing_show_the_same_values(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        figure = plotly_figure(chart)
        assert isinstance(figure, go.Figure)
        drawn = iter(figure.data)
        for panel in chart.panels:
            for series in panel.series:
                trace = next(drawn)
                assert trace.name == series.name
                values = list(trace.x if panel.horizontal else trace.y)
                assert values == pytest.approx(list(series.y), nan_ok=True)
            points = [series for series in panel.series if series.mark == "points"]
            circles = elements(panel, "circle")
            assert len(circles) == sum(not math.isnan(y) for s in points for y in s.y)


def test_the_curve_starts_at_the_base_model(
    charts: dict[str, Chart], reported: dict[str, Any]
) -> None:
    kept = among(reported["figures_over_rounds"], split="test", metric="srcc")
    value = kept.set_index(["round", "policy"])["value"]
    series = charts["curves"].panels[0].series
    line = next(one for one in series if one.name == "merged policy" and one.mark == "line")
    assert list(line.x) == [0, 1, 2]
    assert list(line.y) == [value[0, "base"], value[1, "merged"], value[2, "merged"]]
    expert = next(one for one in series if one.name == "scoring expert" and one.mark == "line")
    # From the policy it was trained on to its own figure, once a round.
    assert list(expert.y)[0] == value[0, "base"] and list(expert.y)[1] == value[1, "scoring"]
    assert list(expert.y)[3] == value[1, "merged"] and list(expert.y)[4] == value[2, "scoring"]


def test_all_policies_and_controls_stand_side_by_side(charts: dict[str, Chart]) -> None:
    first = charts["policies"].panels[0]
    assert first.categories == ["base", "scoring", "consistency", "merged"]
    names = {series.name for series in first.series}
    assert "with shuffled images" in names
    error = charts["policies"].panels[1]
    assert "same answer for all" in {series.name for series in error.series}


def test_levels_add_up(charts: dict[str, Chart]) -> None:
    for panel in charts["levels"].panels:
        for series in panel.series:
            assert sum(series.y) == pytest.approx(1)


def test_limits_of_health_are_drawn(charts: dict[str, Chart], reported: dict[str, Any]) -> None:
    limits = reported["params:evaluation"]["health"]["thresholds"]
    panel = next(one for one in charts["health"].panels if one.title == "Length of a text")
    drawn = [series.y[0] for series in panel.series if series.name == "limit"]
    assert drawn == [limits["min_mean_words"], limits["max_mean_words"]]


def test_stacked_bars_follow_each_other() -> None:
    bars = [
        Series("a", "base", ["x"], [3.0], mark="bars"),
        Series("b", "merged", ["x"], [1.0], mark="bars"),
    ]
    panel = Panel("", "", bars, categories=["x"], horizontal=True)
    first, second = elements(panel, "rect")
    end = float(first.get("x", 0)) + float(first.get("width", 0))
    assert float(second.get("x", 0)) == pytest.approx(end, abs=0.2)
    assert float(first.get("width", 0)) == pytest.approx(3 * float(second.get("width", 0)), abs=0.3)


def test_what_is_named_after_a_file_cannot_break_out() -> None:
    name = '"><script>alert(1)</script>'
    points = Series(name, "base", [name], [1.0], notes=[name])
    panel = Panel(name, name, [points], categories=[name], x_title=name, y_title=name)
    root = ElementTree.fromstring(svg(panel))
    assert root.get("aria-label") == name
    assert not list(root.iter("script"))


def test_values_that_are_missing_leave_a_gap() -> None:
    line = Series("a", "base", [0, 1, None, 2, 3], [1, math.nan, 2, 3, 4], mark="line")
    points = Series("a", "base", [0, 1, 2], [1, math.nan, 3], [0, math.nan, 2], [2, math.nan, 4])
    panel = Panel("", "", [line, points])
    path = elements(panel, "path")[-3]
    assert "nan" not in svg(panel)
    assert len(elements(panel, "circle")) == 2
    assert path is not None


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_lie_inside_and_evenly(low: float, width: float, most: int) -> None:
    found = ticks(low, low + width, most)
    slack = 1e-6 * (abs(low) + width)
    assert len(found) <= most + 1
    assert all(low - slack <= tick <= low + width + slack for tick in found)
    gaps = pd.Series(found).diff().dropna()
    assert gaps.empty or gaps.max() - gaps.min() <= slack


def test_values_are_written_for_people() -> None:
    assert written(0.1234) == "0.123" and written(3.0) == "3" and written(1234.5) == "1234"
    assert written(0.995, percent=True) == "99.5\u00a0%" and written(math.nan) == "–"
