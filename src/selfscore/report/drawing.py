"""A chart: a matplotlib figure of panels in one style, with what else is told of them.

The same figure is a picture for kedro-viz and the documentation, and, panel by panel, a part of the
report's page. It belongs to no window and to no global state. One point (1/72 inch) of it is about
one pixel of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from selfscore.report.labels import INK, PALETTE, format_value

Values = Sequence[float]

_SMALL, _LARGE = (290.0, 214.0), (440.0, 296.0)
_MOST_COLUMNS = 4
# Around the drawing area of a panel; what stands above it in a picture alone; the legend below all.
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 26.0, 40.0
_TITLE, _LEGEND = 30.0, 44.0
_ENTRY = 180.0  # of the legend
_TEXT = 12.5
_DASHES = (0, (3.2, 2.6))
_LETTER = 7.5


class Key(NamedTuple):
    """An entry of the legend.

    Attributes:
        name: of what is drawn so.
        colour: key of `labels.PALETTE`.
        mark: `line`, `dashes`, `points` or `bars`.
        artist: one that is drawn so.
    """

    name: str
    colour: str
    mark: str
    artist: Artist


class Number(NamedTuple):
    """A value as text: of which panel, of what, where, and its interval."""

    panel: str
    name: str
    place: str
    value: str
    interval: str


class Panel:
    """One pair of axes.

    Attributes:
        title: above it.
        alt: what is to be seen, for those who do not see it.
        axes: what it is drawn in.
        box: the part of the figure that is this panel, without its title, in inches.
        keys: what is drawn, by name.
        numbers: all values that are drawn as points or bars.
    """

    def __init__(self, axes: Axes, box: Bbox) -> None:
        self.title = self.alt = ""
        self.axes, self.box = axes, box
        self.keys: dict[str, Key] = {}
        self.numbers: list[Number] = []
        self._percent = self._whole = False
        self._categories: list[str] | None = None
        self._heading: Artist | None = None
        axes.patch.set_visible(False)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.grid(axis="y", color=INK["grid"], lw=1, clip_on=False)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=_TEXT, labelcolor=INK["soft"], pad=6)
        axes.margins(0.08)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))

    def describe(
        self,
        title: str,
        alt: str,
        y_title: str,
        x_title: str = "",
        percent: bool = False,
        whole: bool = False,
    ) -> None:
        """Say what the panel shows.

        Args:
            title: above it, in a picture.
            alt: what is to be seen.
            y_title: above the axis of values.
            x_title: below it.
            percent: values are shares, written in per cent.
            whole: places are whole numbers.
        """
        self.title, self.alt, self._percent, self._whole = title, alt, percent, whole
        above: dict[str, Any] = {
            "xycoords": "axes fraction",
            "textcoords": "offset points",
            "va": "baseline",
        }
        self._heading = self.axes.annotate(
            title, (0, 1), (4 - _LEFT, _TOP + 8), color=INK["ink"], size=14, weight="bold", **above
        )
        self.axes.annotate(y_title, (0, 1), (4 - _LEFT, 13), color=INK["soft"], size=_TEXT, **above)
        self.axes.set_xlabel(x_title, size=_TEXT, color=INK["soft"], labelpad=4)
        if percent:
            self.axes.yaxis.set_major_formatter(
                FuncFormatter(lambda value, _: f"{round(100 * value, 6):g}\u00a0%")
            )
        if whole:
            self.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))

    def name_places(self, names: Sequence[str]) -> None:
        """Have categories as places, 0, 1, …; long names stand in two lines by turns."""
        self._categories = list(names)
        width = 72 * self.box.width - _LEFT - _RIGHT
        crowded = max(map(len, names)) * _LETTER * len(names) > width
        shown = [("\n" if crowded and place % 2 else "") + name for place, name in enumerate(names)]
        self.axes.set_xticks(range(len(names)), shown)
        self.axes.set_xlim(-0.5, len(names) - 0.5)

    def line(
        self, name: str, colour: str, x: Values, y: Values, dashed: bool = False, thin: bool = False
    ) -> None:
        """Draw a line; NaN breaks it."""
        style: dict[str, Any] = {"lw": 1.4 if dashed or thin else 2.25, "zorder": 2}
        if dashed:
            style["ls"] = _DASHES
        (drawn,) = self.axes.plot(x, y, color=PALETTE[colour][0], clip_on=False, **style)
        self._key(name, colour, "dashes" if dashed else "line", drawn)

    def points(
        self,
        name: str,
        colour: str,
        x: Values,
        y: Values,
        low: Values | None = None,
        high: Values | None = None,
        small: bool = False,
    ) -> None:
        """Draw points with their intervals; what is NaN is left out.

        Args:
            name: of what they are of.
            colour: key of `labels.PALETTE`.
            x: places.
            y: values.
            low: lower ends of the intervals; None where there are none.
            high: upper ends.
            small: many points, drawn lightly.
        """
        shade = PALETTE[colour][0]
        if low is not None and high is not None:
            known = ~np.isnan(np.asarray(low, dtype=float)) & ~np.isnan(np.asarray(y, dtype=float))
            places, lower, upper = (np.asarray(v, dtype=float)[known] for v in (x, low, high))
            self.axes.vlines(places, lower, upper, color=shade, lw=1.4, zorder=3, clip_on=False)
        edge = {"mew": 0, "alpha": 0.55} if small else {"mew": 1.25, "mec": INK["card"]}
        (drawn,) = self.axes.plot(
            x, y, "o", ms=5.2 if small else 8.4, mfc=shade, zorder=4, clip_on=False, **edge
        )
        self._key(name, colour, "points", drawn)
        if low is None or high is None:
            self._keep(name, x, y, [()] * len(y))
        else:
            self._keep(name, x, y, list(zip(low, high, strict=True)))

    def bars(self, name: str, colour: str, x: Values, y: Values) -> None:
        """Draw bars that stand on 0."""
        drawn = self.axes.bar(
            x, y, 0.62, color=PALETTE[colour][0], alpha=0.85, zorder=2, clip_on=False
        )
        self._key(name, colour, "bars", drawn.patches[0])
        self._keep(name, x, y, [()] * len(y))

    def finish(self) -> None:
        """Draw no air above what cannot be more than all."""
        low, high = self.axes.get_ylim()
        if self._percent and self.axes.get_autoscaley_on() and self.axes.dataLim.y1 <= 1:
            self.axes.set_ylim(low, min(high, 1.02))

    def show_heading(self, shown: bool) -> None:
        """Show or hide the title, which a page writes itself."""
        if self._heading is not None:
            self._heading.set_visible(shown)

    def _key(self, name: str, colour: str, mark: str, artist: Artist) -> None:
        self.keys.setdefault(name, Key(name, colour, mark, artist))

    def _keep(self, name: str, x: Values, y: Values, ends: Sequence[tuple[float, ...]]) -> None:
        for at, value, interval in zip(x, y, ends, strict=True):
            if self._categories is not None:
                place = self._categories[round(at)]
            else:
                # Points beside each other stand a little off their whole number.
                place = f"{round(at)}" if self._whole else f"{at:.3g}"
            between = " to ".join(format_value(end, self._percent) for end in interval)
            shown = format_value(value, self._percent)
            self.numbers.append(Number(self.title, name, place, shown, between))


class Chart:
    """Panels that belong together.

    Attributes:
        title: above them.
        text: how to read them, in a sentence or two.
        figure: all panels, at most four beside each other.
        panels: in their order; none where there is nothing to show.
        numbered: whether a table of the values is shown with it.
        large: few panels have more room each.
    """

    def __init__(self, title: str, text: str, panels: int, numbered: bool = True) -> None:
        self.title, self.text, self.numbered = title, text, numbered
        self.large = panels <= 2
        wide, high = _LARGE if self.large else _SMALL
        columns = max(1, min(_MOST_COLUMNS, panels))
        rows = max(1, -(-panels // columns))
        width, height = wide * columns, (high + _TITLE) * rows + _LEGEND
        self.figure = Figure((width / 72, height / 72), facecolor=INK["card"])
        self.panels = []
        for place in range(panels):
            left = wide * (place % columns)
            bottom = height - (high + _TITLE) * (place // columns + 1)
            axes = self.figure.add_axes(
                (
                    (left + _LEFT) / width,
                    (bottom + _BOTTOM) / height,
                    (wide - _LEFT - _RIGHT) / width,
                    (high - _TOP - _BOTTOM) / height,
                )
            )
            box = Bbox.from_bounds(left / 72, bottom / 72, wide / 72, high / 72)
            self.panels.append(Panel(axes, box))

    @property
    def legend(self) -> list[Key]:
        """What is drawn in any panel, each once, in the order of the palette."""
        keys = {name: key for panel in reversed(self.panels) for name, key in panel.keys.items()}
        order = list(PALETTE)
        return sorted(keys.values(), key=lambda key: (order.index(key.colour), key.name))

    @property
    def numbers(self) -> list[Number]:
        """All values that are drawn as points or bars."""
        return [number for panel in self.panels for number in panel.numbers]

    def finish(self) -> Chart:
        """Add what follows from all panels; to be called once, when everything is drawn."""
        for panel in self.panels:
            panel.finish()
        keys = [key for key in self.legend if isinstance(key.artist, Line2D | Patch)]
        width = 72 * self.figure.get_figwidth()
        if len(keys) > 1:
            self.figure.legend(
                [key.artist for key in keys],
                [key.name for key in keys],
                loc="lower center",
                # In two lines where one is too short.
                ncols=len(keys) if len(keys) * _ENTRY <= width else -(-len(keys) // 2),
                frameon=False,
                fontsize=_TEXT,
                labelcolor=INK["ink"],
            )
        return self
