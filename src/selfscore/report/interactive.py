"""Charts as Plotly figures, which kedro-viz shows in the browser."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from selfscore.report.chart import Chart, Panel, Series
from selfscore.report.labels import PALETTE

_COLUMNS = 4


def plotly_figure(chart: Chart) -> go.Figure:
    """A chart with all its panels, at most four beside each other."""
    columns = max(1, min(_COLUMNS, len(chart.panels)))
    rows = max(1, -(-len(chart.panels) // columns))
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=[panel.title for panel in chart.panels]
    )
    shown: set[str] = set()
    for place, panel in enumerate(chart.panels):
        cell = {"row": place // columns + 1, "col": place % columns + 1}
        for series in panel.series:
            first = bool(series.name) and series.name not in shown
            shown.add(series.name)
            figure.add_trace(_trace(panel, series, first), **cell)
        _label(figure, panel, cell)
    figure.update_layout(
        template="plotly_white",
        title=chart.title,
        barmode="stack",
        height=120 + 320 * rows,
        legend={"orientation": "h", "y": -0.25 / rows},
    )
    return figure


def _trace(panel: Panel, series: Series, in_legend: bool) -> Any:
    colour = PALETTE[series.colour][0]
    x, y = list(series.x), list(series.y)
    shared = {
        "name": series.name,
        "legendgroup": series.name,
        "showlegend": in_legend,
        "hovertext": None if series.notes is None else list(series.notes),
    }
    if series.mark == "bars":
        along = {"x": y, "y": x, "orientation": "h"} if panel.horizontal else {"x": x, "y": y}
        return go.Bar(marker_color=colour, **along, **shared)
    error = None
    if series.low is not None and series.high is not None:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [high - value for high, value in zip(series.high, y, strict=True)],
            "arrayminus": [value - low for low, value in zip(series.low, y, strict=True)],
            "thickness": 1,
        }
    return go.Scatter(
        x=x,
        y=y,
        error_y=error,
        mode="lines" if series.mark == "line" else "markers",
        connectgaps=False,
        line={"color": colour, "dash": "dash" if series.dashed else "solid"},
        marker={
            "color": colour,
            "size": 5 if series.small else 8,
            "opacity": 0.6 if series.small else 1,
        },
        **shared,
    )


def _label(figure: go.Figure, panel: Panel, cell: dict[str, int]) -> None:
    places: dict[str, Any] = {"title_text": panel.x_title, "range": panel.x_range}
    values: dict[str, Any] = {
        "title_text": panel.y_title,
        "range": panel.y_range,
        "tickformat": ".0%" if panel.percent else None,
    }
    if panel.categories is not None:
        places |= {"type": "category", "categoryarray": list(panel.categories)}
    elif panel.whole:
        places["dtick"] = 1
    if panel.horizontal:
        # Of the first category at the top; the title below belongs to the values.
        figure.update_yaxes(**{**places, "title_text": "", "autorange": "reversed"}, **cell)
        figure.update_xaxes(**{**values, "title_text": panel.x_title}, **cell)
    else:
        figure.update_xaxes(**places, **cell)
        figure.update_yaxes(**values, **cell)
