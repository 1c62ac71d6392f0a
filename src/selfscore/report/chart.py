"""What a chart is: panels with series, before anything decides how it is drawn.

The page draws charts as SVG, kedro-viz shows them by Plotly: both from here, so both show the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from selfscore.report.labels import PALETTE


@dataclass(frozen=True)
class Series:
    """Values of one thing in one panel.

    Attributes:
        name: in the legend.
        colour: key of `labels.PALETTE`.
        x: places, numbers or categories of the panel; None breaks a line.
        y: values, one a place; NaN is not drawn.
        low: lower ends of the values' intervals; None where there are none.
        high: upper ends.
        mark: bars of one panel are stacked.
        dashed: of a line.
        small: many points, drawn lightly.
        notes: what each point is; None: its values say it.
    """

    name: str
    colour: str
    x: Sequence[float | str | None]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    mark: Literal["line", "points", "bars"] = "points"
    dashed: bool = False
    small: bool = False
    notes: Sequence[str] | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: above it.
        alt: what is to be seen, for those who do not see it.
        series: drawn in this order.
        x_title: below it.
        y_title: at its side.
        x_range: lowest and highest; None: what there is.
        y_range: the same for the values.
        categories: places on the x axis, where they are no numbers.
        horizontal: categories run down the side and bars to the right.
        whole: places on the x axis are whole numbers.
        percent: values are shares, written in per cent.
    """

    title: str
    alt: str
    series: Sequence[Series]
    x_title: str = ""
    y_title: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    categories: Sequence[str] | None = None
    horizontal: bool = False
    whole: bool = False
    percent: bool = False


@dataclass(frozen=True)
class Chart:
    """Panels that belong together.

    Attributes:
        name: snake_case, unique in a report.
        title: above it.
        text: how to read it, in a sentence or two.
        panels: beside each other; none where there is nothing to show.
        numbers: whether a table of its values is shown with it.
    """

    name: str
    title: str
    text: str
    panels: Sequence[Panel]
    numbers: bool = True
    legend: list[Series] = field(init=False)

    def __post_init__(self) -> None:
        first: dict[tuple[str, str], Series] = {}
        for panel in self.panels:
            for series in panel.series:
                first.setdefault((series.name, series.colour), series)
        order = list(PALETTE)
        entries = sorted(first.values(), key=lambda series: order.index(series.colour))
        object.__setattr__(self, "legend", [series for series in entries if series.name])

    @property
    def large(self) -> bool:
        """Few panels get more room each."""
        return len(self.panels) <= 2


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within a range, 1, 2 or 5 times a power of ten apart.

    Args:
        low: lower end.
        high: upper end, above it.
        most: not more than these.
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def value_range(panel: Panel) -> tuple[float, float]:
    """The values' axis: as asked, or all values and intervals with some air; bars stand on 0."""
    if panel.y_range is not None:
        return panel.y_range
    values = [
        value
        for series in panel.series
        for column in (series.y, series.low or [], series.high or [])
        for value in column
        if not math.isnan(value)
    ]
    stacks = stack_heights(panel)
    low, high = min([*values, *stacks], default=0.0), max([*values, *stacks], default=1.0)
    air = 0.08 * (high - low) or 0.1 * abs(high) or 0.5
    if stacks:
        return 0.0, high + air
    return low - air, min(high + air, 1.02) if panel.percent and high <= 1 else high + air


def place_range(panel: Panel) -> tuple[float, float]:
    """The places' axis where they are numbers: as asked, or all places with some air."""
    if panel.x_range is not None:
        return panel.x_range
    places = [x for series in panel.series for x in series.x if isinstance(x, int | float)]
    low, high = min(places, default=0.0), max(places, default=1.0)
    air = 0.08 * (high - low) or 0.5
    return low - air, high + air


def stack_heights(panel: Panel) -> list[float]:
    """How high the stacked bars of each place are; nothing where there are no bars."""
    heights: dict[float | str | None, float] = {}
    for series in panel.series:
        if series.mark == "bars":
            for x, y in zip(series.x, series.y, strict=True):
                heights[x] = heights.get(x, 0.0) + (0.0 if math.isnan(y) else y)
    return list(heights.values())


def written(value: float, percent: bool = False, digits: int = 3) -> str:
    """A value for people: as per cent, or with as many digits as it needs."""
    if math.isnan(value):
        return "–"
    if percent:
        return f"{100 * value:.1f}\u00a0%"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.0f}"
