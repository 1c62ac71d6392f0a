"""Pictures that compare recipes and merge methods by two figures at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from selfscore.metrics.intervals import Interval
from selfscore.report.labels import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AGAINST = ("faithfulness", "consistency")
# Area of a point, in square points, a second; and the smallest one that is seen.
_AREA, _LEAST = 1.5, 25.0


@dataclass(frozen=True)
class Arm:
    """A recipe and the means over its seeds.

    Attributes:
        label: what it is called.
        means: metric → mean with its interval over seeds; `seconds` among them.
    """

    label: str
    means: Mapping[str, Interval]


def pareto_figure(arms: Sequence[Arm], names: Mapping[str, str]) -> Figure:
    """Score against faithfulness and against consistency, as far as they were measured.

    Args:
        arms: the first one, which the others are held against, is black.
        names: what metrics are called.
    """
    shown = [
        metric for metric in _AGAINST if any(not np.isnan(arm.means[metric].value) for arm in arms)
    ]
    figure, panels = _panels(len(shown) or 1)
    colours = _colours()
    for axes, metric in zip(panels, shown, strict=False):
        for place, arm in enumerate(arms):
            colour = colours[(place - 1) % len(colours)] if place else INK["ink"]
            x, y = arm.means["srcc"], arm.means[metric]
            if np.isnan(y.value):
                axes.axvline(x.value, color=colour, ls="--", lw=1.2, label=arm.label)
                continue
            seconds = arm.means["seconds"].value
            size = _LEAST if np.isnan(seconds) else max(_LEAST, _AREA * seconds)
            axes.errorbar(
                x.value, y.value, _half(y), _half(x), fmt="none", ecolor=colour, lw=1.0, zorder=2
            )
            axes.scatter(
                x.value, y.value, s=size, color=colour, alpha=0.75, label=arm.label, zorder=3
            )
        _name(axes, names.get("srcc", "srcc"), names.get(metric, metric))
    _legend(figure)
    return figure


def fronts_figure(
    fronts: Mapping[str, pd.DataFrame], metric: str, names: Mapping[str, str]
) -> Figure:
    """Score against another figure, each merge method a line from its weakest strength up.

    Args:
        fronts: title of a panel → method, strength, srcc and the other metric, means over seeds.
        metric: the other one.
        names: what metrics are called.
    """
    figure, panels = _panels(len(fronts))
    colours = _colours()
    methods = list(dict.fromkeys(name for table in fronts.values() for name in table["method"]))
    for axes, (title, table) in zip(panels, fronts.items(), strict=True):
        for method, rows in table.groupby("method", sort=False):
            colour = colours[methods.index(str(method)) % len(colours)]
            rows = rows.sort_values("strength")
            axes.plot(rows["srcc"], rows[metric], "o-", color=colour, ms=4, lw=1.2, label=method)
            for row in rows.iloc[[0, -1]].to_dict("records"):
                axes.annotate(f"λ {row['strength']:g}", (row["srcc"], row[metric]), size=6)
        axes.set_title(title, color=INK["ink"], size=11)
        _name(axes, names.get("srcc", "srcc"), names.get(metric, metric))
    _legend(figure)
    return figure


def _colours() -> list[Any]:
    import matplotlib as mpl

    return [mpl.colormaps["tab20"](place) for place in range(20)]


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure((6 * count, 6), facecolor=INK["card"])
    drawn: Any = figure.subplots(1, count, squeeze=False)
    figure.subplots_adjust(left=0.75 / (6 * count), right=0.98, top=0.93, bottom=0.34, wspace=0.2)
    return figure, list(drawn[0])


def _name(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK["soft"])
    axes.set_ylabel(y, color=INK["soft"])
    axes.grid(color=INK["grid"])
    axes.set_axisbelow(True)


def _legend(figure: Figure) -> None:
    drawn: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            drawn.setdefault(label, handle)
    legend = figure.legend(
        list(drawn.values()),
        list(drawn),
        loc="lower center",
        ncols=len(figure.axes) + 1,
        frameon=False,
        fontsize=8,
    )
    for shown in legend.legend_handles:
        # Sizes mean seconds in the picture, and nothing here.
        if shown is not None and hasattr(shown, "set_sizes"):
            shown.set_sizes([_LEAST])


def _half(mean: Interval) -> float:
    return 0.0 if np.isnan(mean.low) else (mean.high - mean.low) / 2
