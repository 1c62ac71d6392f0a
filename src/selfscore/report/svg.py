"""Charts as SVG: small, without scripts, in the page's own colours, light and dark.

Colours are CSS variables (`--base`, `--merged`, …), which the page sets for both schemes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from selfscore.report.chart import (
    Panel,
    Series,
    place_range,
    ticks,
    value_range,
    written,
)

# In units of the viewBox, about one CSS pixel each.
_SMALL, _LARGE = (290.0, 214.0), (440.0, 296.0)
_ROW = 30.0
_LETTER = 7.5
_BAND = 0.62  # Share of a category's place that its bar takes.


@dataclass(frozen=True)
class _Frame:
    """Where things are: the drawing area, and how places and values become coordinates."""

    panel: Panel
    left: float
    right: float
    top: float
    bottom: float

    def place(self, x: float | str) -> float:
        """Coordinate of a place along the axis of places."""
        start, end = (self.top, self.bottom) if self.panel.horizontal else (self.left, self.right)
        if self.panel.categories is not None:
            index = list(self.panel.categories).index(str(x))
            return start + (index + 0.5) * (end - start) / len(self.panel.categories)
        low, high = place_range(self.panel)
        return start + (float(x) - low) / (high - low) * (end - start)

    def value(self, y: float) -> float:
        """Coordinate of a value along the axis of values."""
        low, high = value_range(self.panel)
        share = (y - low) / (high - low)
        if self.panel.horizontal:
            return self.left + share * (self.right - self.left)
        return self.bottom - share * (self.bottom - self.top)

    @property
    def band(self) -> float:
        """Width of a bar."""
        length = self.bottom - self.top if self.panel.horizontal else self.right - self.left
        return _BAND * length / max(1, len(self.panel.categories or []))


def svg(panel: Panel, large: bool = False) -> str:
    """A panel as an `<svg>` element that fills the width it is given.

    Titles and names may be anything, such as an image's: they are escaped.
    """
    width, height = _LARGE if large else _SMALL
    if panel.horizontal:
        height = 44 + _ROW * len(panel.categories or [])
    frame = _Frame(
        panel=panel,
        left=150 if panel.horizontal else 44,
        right=width - 10,
        top=6 if panel.horizontal else 24,
        bottom=height - (38 if panel.x_title or _crowded(panel, width) else 22),
    )
    body = list(_axes(frame, height))
    heights: dict[float | str | None, float] = {}
    for series in panel.series:
        marks = "".join(_marks(frame, series, heights))
        body.append(f'<g style="color:var(--{series.colour})">{marks}</g>')
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(panel.alt)}">'
        f"{''.join(body)}</svg>"
    )


def swatch(series: Series) -> str:
    """The sign of a series in a legend."""
    sign = {
        "line": f'<path d="M1 6H21"{_dash(series)} class="line"/>',
        "points": '<circle cx="11" cy="6" r="4" class="dot"/>',
        "bars": '<rect x="5" y="1" width="12" height="10" rx="1.5" class="bar"/>',
    }[series.mark]
    return (
        f'<svg class="swatch" viewBox="0 0 22 12" aria-hidden="true" '
        f'style="color:var(--{series.colour})">{sign}</svg>'
    )


def _axes(frame: _Frame, height: float) -> Iterator[str]:
    panel, across = frame.panel, frame.panel.horizontal
    for tick in ticks(*value_range(panel), most=6 if across else 5):
        at, label = frame.value(tick), _tick(tick, panel)
        if across:
            yield _path(f"M{at:.1f} {frame.top:g}V{frame.bottom:g}", "grid")
            yield _text(label, at, frame.bottom + 15, "middle")
        else:
            yield _path(f"M{frame.left:g} {at:.1f}H{frame.right:g}", "grid")
            yield _text(label, frame.left - 7, at + 4, "end")
    if panel.categories is not None:
        places: list[tuple[str, float | str]] = [(name, name) for name in panel.categories]
    else:
        marks = ticks(*place_range(panel), most=6)
        if panel.whole:
            marks = [mark for mark in marks if mark == int(mark)]
        places = [(_number(mark), mark) for mark in marks]
    crowded = _crowded(panel, frame.right + 10)
    for index, (label, place) in enumerate(places):
        if across:
            yield _text(label, frame.left - 8, frame.place(place) + 4, "end")
        else:
            line = 14 * (index % 2) if crowded else 0
            yield _text(label, frame.place(place), frame.bottom + 16 + line, "middle")
    if panel.x_title:
        yield _text(panel.x_title, (frame.left + frame.right) / 2, height - 4, "middle", "axis")
    if panel.y_title and not across:
        yield _text(panel.y_title, 2, 11, "start", "axis")


def _marks(
    frame: _Frame, series: Series, heights: dict[float | str | None, float]
) -> Iterator[str]:
    if series.mark == "line":
        yield _line(frame, series)
        return
    for index, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        if x is None or math.isnan(y):
            continue
        note = escape(_note(frame.panel, series, index))
        if series.mark == "bars":
            below = heights.get(x, 0.0)
            heights[x] = below + y
            yield f"<g>{_bar(frame, x, below, below + y)}<title>{note}</title></g>"
        else:
            radius = 2.6 if series.small else 4.2
            kind = "dot small" if series.small else "dot"
            yield (
                f"<g>{_interval(frame, series, index)}"
                f'<circle cx="{frame.place(x):.1f}" cy="{frame.value(y):.1f}" r="{radius}" '
                f'class="{kind}"/><title>{note}</title></g>'
            )


def _line(frame: _Frame, series: Series) -> str:
    path, pen = [], "M"
    for x, y in zip(series.x, series.y, strict=True):
        if x is None or math.isnan(y):
            pen = "M"
            continue
        path.append(f"{pen}{frame.place(x):.1f} {frame.value(y):.1f}")
        pen = "L"
    kind = "line thin" if series.small or series.dashed else "line"
    return f'<path d="{"".join(path)}"{_dash(series)} class="{kind}"/>'


def _bar(frame: _Frame, x: float | str, low: float, high: float) -> str:
    middle, start, end = frame.place(x), frame.value(low), frame.value(high)
    near, width, length = middle - frame.band / 2, frame.band, abs(end - start)
    box = (start, near, length, width) if frame.panel.horizontal else (near, end, width, length)
    left, top, wide, tall = (f"{side:.1f}" for side in box)
    return f'<rect x="{left}" y="{top}" width="{wide}" height="{tall}" rx="1.5" class="bar"/>'


def _interval(frame: _Frame, series: Series, index: int) -> str:
    if series.low is None or series.high is None or math.isnan(series.low[index]):
        return ""
    x = series.x[index]
    assert x is not None
    at, low, high = (
        frame.place(x),
        frame.value(series.low[index]),
        frame.value(series.high[index]),
    )
    return _path(f"M{at:.1f} {low:.1f}V{high:.1f}", "interval")


def _note(panel: Panel, series: Series, index: int) -> str:
    if series.notes is not None:
        return series.notes[index]
    x = series.x[index]
    place = f"{panel.x_title} {_number(x)}" if isinstance(x, int | float) else str(x)
    note = f"{series.name}, {place.strip()}: {written(series.y[index], panel.percent)}"
    if series.low is None or series.high is None or math.isnan(series.low[index]):
        return note
    low, high = (written(end[index], panel.percent) for end in (series.low, series.high))
    return f"{note} [{low} to {high}]"


def _tick(tick: float, panel: Panel) -> str:
    return f"{round(100 * tick, 6):g}\u00a0%" if panel.percent else _number(tick)


def _crowded(panel: Panel, width: float) -> bool:
    """Whether the names below the axis need two lines by turns."""
    if panel.categories is None or panel.horizontal:
        return False
    longest = max(map(len, panel.categories), default=0)
    return longest * _LETTER * len(panel.categories) > width - 54


def _number(value: float) -> str:
    return f"{round(value, 6):g}".replace("-", "−")


def _dash(series: Series) -> str:
    return ' stroke-dasharray="5 4"' if series.dashed else ""


def _path(path: str, kind: str) -> str:
    return f'<path d="{path}" class="{kind}"/>'


def _text(text: str, x: float, y: float, anchor: str, kind: str = "tick") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
    )
