"""Curves over rounds: the merged policy's way, and the experts branching off from it.

An expert of round k is trained on top of the policy that round k-1 handed on, so its line starts
there. Bars are the bootstrap intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BASE, MERGED = "base", "merged"
TITLES = {
    "srcc": "Scores: rank correlation\nwith the raters (SRCC)",
    "srcc_emitted": "Written scores: rank correlation\nwith the raters (SRCC)",
    "consistency": "Consistency: does the text\nfit the score? (SRCC)",
    "faithfulness": "Faithfulness: statements\ntrue of the picture (share)",
    "format_valid": "Answers in the\nresponse format (share)",
    "mae": "Mean absolute error\n(unit of the scores)",
}
LABELS = {BASE: "base model", MERGED: "merged"}
# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = {MERGED: "#0072B2", "scoring": "#D55E00", "consistency": "#009E73", BASE: "#555555"}
MORE_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9")
_INK, _FAINT = "#222222", "#DDDDDD"
# Points of one round stand beside each other, so that their bars can be told apart.
_STEP = 0.07


@dataclass(frozen=True)
class Line:
    """One line of one panel: a policy's figures from round to round.

    Attributes:
        policy: whose.
        points: round, value, low, high of the policy itself.
        starts: for each point, the (round, value) its line comes from.
    """

    policy: str
    points: pd.DataFrame
    starts: list[tuple[float, float]]


def printed_curves(table: pd.DataFrame, split: str, metrics: Sequence[str]) -> Figure:
    """One panel a metric, on a light background, to be saved as an image.

    Args:
        table: round, policy, split, group, metric, value, low, high.
        split: which images.
        metrics: one panel each, in this order; metrics that were not measured are left out.

    Returns:
        A figure that belongs to no window.
    """
    shown = measured(table, split, metrics)
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(2.9 * columns + 0.4, 3.3 * rows), facecolor="white")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, metric in zip(grid.flat, shown, strict=False):
        _draw_panel(axes, table, split, metric)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    handles, labels = [handles[0], *handles[:0:-1]], [labels[0], *labels[:0:-1]]
    figure.tight_layout(rect=(0, 0.08, 1, 1), w_pad=2.0)
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False, fontsize=9)
    return figure


def measured(table: pd.DataFrame, split: str, metrics: Sequence[str]) -> list[str]:
    """Those of the metrics that have a value on this split, in the order given.

    Raises:
        ValueError: if none has.
    """
    rows = table[(table["split"] == split) & table["value"].notna()]
    found = [metric for metric in metrics if metric in set(rows["metric"])]
    if not found:
        raise ValueError(
            f"None of the metrics {list(metrics)} was measured on the split '{split}': choose "
            f"`reporting.split` from {sorted(table['split'].unique())} and `reporting.metrics` "
            f"from {sorted(table['metric'].unique())}."
        )
    return found


def _lines(table: pd.DataFrame, split: str, metric: str) -> Iterator[tuple[Line, float, str]]:
    """Every policy's line with its offset along the rounds and its colour; the merged one last."""
    rows = table[
        (table["split"] == split) & (table["metric"] == metric) & (table["group"] == "all")
    ].sort_values("round")
    handed_on = rows[rows["policy"].isin([BASE, MERGED])].set_index("round")["value"]
    experts = [name for name in rows["policy"].unique() if name not in (BASE, MERGED)]
    names = [BASE, *experts, MERGED]
    spare = iter(MORE_COLOURS * len(names))
    for position, name in enumerate(names):
        own = rows[rows["policy"] == name].reset_index(drop=True)
        starts = [
            (float(number - 1), float(handed_on.get(number - 1, float("nan"))))
            for number in own["round"]
        ]
        # The merged policy stands at its round, the experts by turns left and right of it.
        side = -1 if position % 2 else 1
        offset = 0.0 if name in (BASE, MERGED) else side * _STEP * ((position + 1) // 2)
        colour = COLOURS[name] if name in COLOURS else next(spare)
        yield Line(name, own, starts), offset, colour


def _draw_panel(axes: Axes, table: pd.DataFrame, split: str, metric: str) -> None:
    for line, offset, colour in _lines(table, split, metric):
        points, merged = line.points, line.policy == MERGED
        x = points["round"] + offset
        if line.policy == BASE and len(points):
            axes.axhline(points["value"].iloc[0], color=colour, lw=0.8, ls=(0, (1, 2)), zorder=1)
        for start, to, value in zip(line.starts, x, points["value"], strict=True):
            if start[0] >= 0:
                style = {"lw": 2.0} if merged else {"lw": 1.0, "ls": "--", "alpha": 0.7}
                axes.plot([start[0], to], [start[1], value], color=colour, zorder=2, **style)
        axes.errorbar(
            x,
            points["value"],
            yerr=[points["value"] - points["low"], points["high"] - points["value"]],
            fmt="o",
            color=colour,
            ms=6 if merged else 4.5,
            elinewidth=1.0,
            capsize=0,
            label=_label(line.policy),
            zorder=4 if merged else 3,
        )
    axes.set_title(_title(metric), fontsize=10, color=_INK, loc="left")
    axes.set_xlabel("round (0: base model)", fontsize=9, color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.12)
    axes.grid(axis="y", color=_FAINT, lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, colors=_INK, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    if metric == "format_valid":
        axes.set_ylim(min(0.9, axes.get_ylim()[0]), 1.005)


def _title(metric: str) -> str:
    return TITLES.get(metric, metric.replace("_", " "))


def _label(policy: str) -> str:
    return LABELS.get(policy, f"{policy.replace('_', ' ')} expert only")
