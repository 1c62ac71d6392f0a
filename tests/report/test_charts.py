"""Charts: what is drawn, what is told of it, and how it is embedded in a page."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import rcParams
from matplotlib._pylab_helpers import Gcf
from matplotlib.colors import to_hex

from selfscore.metrics.figures import among
from selfscore.pipelines.reporting.nodes import build_charts
from selfscore.pipelines.reporting.pipeline import _RUN
from selfscore.report.drawing import Chart, Panel
from selfscore.report.embedding import panel_pictures
from selfscore.report.labels import PALETTE, format_value
from selfscore.report.policy_charts import curves_chart, measured
from selfscore.report.run_charts import merge_strength_chart


def build(reported: dict[str, Any]) -> dict[str, Chart]:
    return build_charts(**{name: reported[dataset] for name, dataset in _RUN.items()})


@pytest.fixture(scope="module")
def charts(reported: dict[str, Any]) -> dict[str, Chart]:
    return build(reported)


def drawn(panel: Panel, colour: str, marker: str = "None") -> list[list[float]]:
    """Values of the lines (or points) of one colour; a broken line in its parts."""
    shade = PALETTE[colour][0]
    found = []
    for line in panel.axes.lines:
        own = line.get_markerfacecolor() if marker == "o" else line.get_color()
        if line.get_marker() == marker and to_hex(own) == shade:
            values = pd.Series(np.asarray(line.get_ydata(), dtype=float))
            found += [part.dropna().tolist() for _, part in values.groupby(values.isna().cumsum())]
    return [values for values in found if values]


def some_chart(name: str = "some") -> Chart:
    chart = Chart("Title", "How to read it.", panels=1)
    (panel,) = chart.panels
    panel.describe(name, f"{name} is seen.", "share", "round", percent=True, whole=True)
    panel.line(name, "merged", [0, 1, float("nan"), 2, 3], [0.1, 0.4, float("nan"), 0.2, 0.3])
    panel.points(name, "base", [0, 1, 2.08], [0.5, float("nan"), 0.25], [0.4] * 3, [0.6] * 3)
    return chart.finish()


def test_every_chart_of_the_report_is_there(charts: dict[str, Chart]) -> None:
    assert list(charts) == [
        *("curves", "policies", "counterfactual", "predicted", "levels", "reliability"),
        *("health", "merge_energy"),
    ]
    for chart in charts.values():
        assert chart.panels and chart.text and chart.figure.legends
        assert all(panel.title and len(panel.alt) > 20 for panel in chart.panels)
        assert bool(chart.numbers) or not chart.numbered
        assert len(chart.figure.axes) == len(chart.panels)


def test_the_strengths_that_were_tried_are_drawn_with_the_one_that_was_taken() -> None:
    tried = {
        ("lambda 0", "consistency"): 0.7,
        ("lambda 0.5", "srcc"): 0.4,
        ("lambda 1.5", "srcc"): 0.6,
        ("lambda 1.5", "consistency"): 0.75,
    }
    rows = [
        {"group": group, "metric": name, "value": value, "of": "strength"}
        for (group, name), value in tried.items()
    ]
    rows.append({"group": "all", "metric": "lambda", "value": 1.5, "of": "merging"})
    chart = merge_strength_chart(pd.DataFrame(rows).assign(round=1))
    (panel,) = chart.panels
    assert panel.title == "Round 1: λ 1.5 was taken"
    assert "the best SRCC was 0.600 at lambda 1.5" in panel.alt
    assert drawn(panel, "merged") == [[0.4, 0.6]]
    assert drawn(panel, "consistency") == [[0.7, 0.75]]


def test_every_panel_is_a_picture_of_its_own(charts: dict[str, Chart]) -> None:
    for name, chart in charts.items():
        for panel, picture in zip(chart.panels, panel_pictures(name, chart), strict=True):
            root = ElementTree.fromstring(picture)
            assert root.get("role") == "img" and root.get("aria-label") == panel.alt
            assert root.get("viewBox") == ("0 0 440 296" if chart.large else "0 0 290 214")
            texts = "".join(root.itertext())
            assert panel.title not in texts and "nan" not in texts
            assert not re.search(r"#[0-9a-f]{6}|font-family|url\(|<style|<!--", picture)
            ids = [element.get("id") for element in root.iter() if element.get("id")]
            used = {str(element.get("href"))[1:] for element in root.iter("use")}
            assert used <= set(ids)


def test_colours_are_those_of_the_page(charts: dict[str, Chart]) -> None:
    picture = panel_pictures("curves", charts["curves"])[0]
    found = set(re.findall(r"var\(--(\w+)\)", picture))
    assert {"merged", "base", "scoring", "soft", "grid", "card"} <= found


def test_pictures_are_the_same_each_time_and_leave_the_figure_as_it_was(
    reported: dict[str, Any],
) -> None:
    first, second = build(reported)["levels"], build(reported)["levels"]
    font = rcParams["svg.fonttype"]
    pictures = panel_pictures("levels", first)
    assert pictures == panel_pictures("levels", second) == panel_pictures("levels", first)
    assert rcParams["svg.fonttype"] == font
    assert (
        all(axes.get_visible() for axes in first.figure.axes) and first.figure.patch.get_visible()
    )


def test_charts_need_no_window_and_no_turn() -> None:
    names = [f"chart {number}" for number in range(4)]
    windows = list(Gcf.figs)
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda name: panel_pictures(name, some_chart(name)), names))
    assert beside == [panel_pictures(name, some_chart(name)) for name in names]
    assert list(Gcf.figs) == windows


def test_marks_of_two_charts_do_not_mix() -> None:
    ids = [
        set(re.findall(r'id="(\w+)"', panel_pictures(name, some_chart())[0])) for name in ("a", "b")
    ]
    assert ids[0] and not ids[0] & ids[1]


def test_what_is_missing_leaves_a_gap() -> None:
    chart = some_chart()
    assert drawn(chart.panels[0], "merged") == [[0.1, 0.4], [0.2, 0.3]]
    picture = panel_pictures("gap", chart)[0]
    assert picture.count("<use") == 2
    assert [number[2:] for number in chart.numbers] == [
        ("0", "50.0\u00a0%", "40.0\u00a0% to 60.0\u00a0%"),
        ("1", "–", "40.0\u00a0% to 60.0\u00a0%"),
        ("2", "25.0\u00a0%", "40.0\u00a0% to 60.0\u00a0%"),
    ]


def test_names_cannot_break_out() -> None:
    name = '"><script>alert(1)</script>'
    root = ElementTree.fromstring(panel_pictures("some", some_chart(name))[0])
    assert root.get("aria-label") == f"{name} is seen."
    assert not list(root.iter("script"))


def test_the_curve_starts_at_the_base_model(
    charts: dict[str, Chart], reported: dict[str, Any]
) -> None:
    kept = among(reported["figures_over_rounds"], split="test", metric="srcc")
    value = kept.set_index(["round", "policy"])["value"]
    panel = charts["curves"].panels[0]
    assert drawn(panel, "merged") == [[value[0, "base"], value[1, "merged"], value[2, "merged"]]]
    # From the policy it was trained on to its own figure, once a round.
    assert drawn(panel, "scoring") == [
        [value[0, "base"], value[1, "scoring"]],
        [value[1, "merged"], value[2, "scoring"]],
    ]


def test_metrics_that_were_not_measured_are_left_out(reported: dict[str, Any]) -> None:
    table = reported["figures_over_rounds"]
    without = table[table["metric"] != "faithfulness"]
    assert measured(without, "test", ["faithfulness", "mae", "srcc"]) == ["mae", "srcc"]
    assert len(curves_chart(without, "test", ["faithfulness", "srcc"]).panels) == 1
    with pytest.raises(ValueError, match=r"split 'train'.*\['test', 'validation'\]"):
        curves_chart(table, "train", ["srcc"])


def test_an_expert_of_any_name_is_drawn(reported: dict[str, Any]) -> None:
    table = reported["figures_over_rounds"]
    extra = table[table["policy"] == "scoring"].assign(policy="grounding_free")
    chart = curves_chart(pd.concat([table, extra]), "test", ["srcc"])
    legend = [text.get_text() for text in chart.figure.legends[0].get_texts()]
    assert "grounding free expert" in legend and legend[:2] == ["base model", "merged policy"]


def test_all_policies_and_controls_stand_side_by_side(charts: dict[str, Chart]) -> None:
    first, error = charts["policies"].panels[:2]
    names = [label.get_text().strip() for label in first.axes.get_xticklabels()]
    assert names == ["base", "scoring", "consistency", "merged"]
    assert {number.place for number in first.numbers} == set(names)
    assert "with shuffled images" in first.keys
    assert "same answer for all" in error.keys


def test_levels_add_up(charts: dict[str, Chart]) -> None:
    for panel in charts["levels"].panels:
        assert sum(bar.get_height() for bar in panel.axes.patches) == pytest.approx(1)
        assert sum(drawn(panel, "truth", "o")[0]) == pytest.approx(1)


def test_limits_of_health_are_drawn(charts: dict[str, Chart], reported: dict[str, Any]) -> None:
    limits = reported["params:evaluation.health.thresholds"]
    panel = next(one for one in charts["health"].panels if one.title == "Length of a text")
    assert drawn(panel, "limit") == [
        [value, value] for value in (limits.min_mean_words, limits.max_mean_words)
    ]


def test_values_are_written_for_people() -> None:
    assert [format_value(value) for value in (0.1234, 3.0, 1234.5)] == ["0.123", "3", "1234"]
    assert format_value(0.995, percent=True) == "99.5\u00a0%" and format_value(float("nan")) == "–"
